"""SEARCH: which UIDs there are. ESEARCH (RFC 4731) where the server has it, since it answers in ranges."""

import re
from collections.abc import Iterator

from src.imap.channel import Channel
from src.imap.refusal import command_refusal
from src.imap.response import Untagged, garbage
from src.imap.uid_set import EMPTY, MAX_UID, Range, UidSet

_NUMBER = re.compile(rb"\d+")
_ALL = re.compile(rb"\bALL ([\d:,]+)")


def search(channel: Channel, criteria: bytes, *, esearch: bool) -> UidSet:
    """Return the UIDs in the selected mailbox that fit."""
    reply = channel.run(b"UID SEARCH " + (b"RETURN (ALL) " if esearch else b"") + criteria)
    if reply.status != b"OK":
        raise command_refusal("SEARCH", reply)
    found = EMPTY
    try:
        for answer in reply.untagged:
            if answer.name in (b"SEARCH", b"ESEARCH"):
                found |= UidSet.of_ranges(_ranges(answer))
    except ValueError as error:
        raise garbage("SEARCH without UIDs") from error
    return found


def search_range(channel: Channel, first: int, last: int, *, esearch: bool) -> UidSet:
    """Return the UIDs from `first` to `last`. `n:*` always finds the last mail, even below `n`: it is left out."""
    if first > last:
        return EMPTY
    is_all = first <= 1 and last >= MAX_UID
    end = b"*" if last >= MAX_UID else b"%d" % last
    return search(channel, b"ALL" if is_all else b"UID %d:%s" % (max(first, 1), end), esearch=esearch).within(
        first, last
    )


def _ranges(answer: Untagged) -> Iterator[Range]:
    text = answer.text
    if answer.name == b"SEARCH":
        # "(MODSEQ 123)" may follow; numbers are read one at a time, since a list of a million would take 60 MB.
        for number in _NUMBER.finditer(text.partition(b"(")[0]):
            uid = int(number[0])
            yield uid, uid
    elif found := _ALL.search(text):
        yield from UidSet.parse(found[1]).ranges
