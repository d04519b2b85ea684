"""LIST, STATUS and SELECT: which mailboxes there are, and the state of one."""

import re

from src.imap.answers import FlagChange, Mailbox, MailboxStatus, Resync, Selected
from src.imap.channel import Channel, Reply
from src.imap.fetch_answer import attributes, flag_change, uid_of
from src.imap.mailbox_name import decode_name, encode_name
from src.imap.refusal import command_refusal, mailbox_refusal
from src.imap.response import Untagged, garbage
from src.imap.uid_set import EMPTY, MAX_SET_BYTES, UidSet
from src.imap.values import Value, parse_values

_CODE_NUMBER = re.compile(rb"\[([A-Z]+) (\d{1,20})\]", re.IGNORECASE)


def list_mailboxes(channel: Channel, *, special_use: bool) -> tuple[Mailbox, ...]:
    """List every mailbox; `special_use` (RFC 6154) asks for those flags: some servers tell them only then."""
    reply = channel.run(b'LIST "" "*" RETURN (SPECIAL-USE)' if special_use else b'LIST "" "*"')
    if reply.status != b"OK":
        raise command_refusal("LIST", reply)
    return tuple(_mailbox(answer, utf8=channel.utf8) for answer in reply.named(b"LIST"))


def status(channel: Channel, mailbox: str, *, condstore: bool) -> MailboxStatus:
    """Ask for a mailbox's numbers."""
    items = b"MESSAGES UIDNEXT UIDVALIDITY" + (b" HIGHESTMODSEQ" if condstore else b"")
    reply = channel.run(b"STATUS %s (%s)" % (encode_name(mailbox, utf8=channel.utf8), items))
    if reply.status != b"OK":
        raise mailbox_refusal("STATUS", mailbox, reply)
    told: dict[bytes, int] = {}
    for answer in reply.named(b"STATUS"):
        values = parse_values(answer.parts)
        pairs = values[-1] if values else None
        if isinstance(pairs, list):
            told |= {_word(name).upper(): _number(value) for name, value in zip(pairs[::2], pairs[1::2], strict=False)}
    return MailboxStatus(
        messages=told.get(b"MESSAGES", 0),
        uidnext=told.get(b"UIDNEXT", 0),
        uidvalidity=told.get(b"UIDVALIDITY", 0),
        highestmodseq=told.get(b"HIGHESTMODSEQ") or None,
    )


def select(
    channel: Channel, mailbox: str, *, readonly: bool, condstore: bool, qresync: bool, resync: Resync | None
) -> Selected:
    """Open a mailbox, with what changed since `resync` if the server has QRESYNC."""
    is_resync = qresync and resync is not None
    parameters = _resync_parameters(resync) if is_resync and resync else b" (CONDSTORE)" if condstore else b""
    name = encode_name(mailbox, utf8=channel.utf8)
    reply = channel.run((b"EXAMINE " if readonly else b"SELECT ") + name + parameters)
    if reply.status != b"OK":
        raise mailbox_refusal("EXAMINE" if readonly else "SELECT", mailbox, reply)
    channel.has_news = False  # EXISTS and VANISHED were the answer, not news
    codes = _codes(reply)
    uidvalidity = codes.get(b"UIDVALIDITY", 0)
    # A stale UIDVALIDITY is no error to the server: it just tells nothing, which must not be read as "no change".
    resynced = is_resync and resync is not None and uidvalidity == resync.uidvalidity
    return Selected(
        name=mailbox,
        exists=max((answer.number for answer in reply.named(b"EXISTS")), default=0),
        uidvalidity=uidvalidity,
        uidnext=codes.get(b"UIDNEXT", 0),
        highestmodseq=codes.get(b"HIGHESTMODSEQ") or None,
        is_readonly=b"[READ-ONLY]" in reply.text.upper() or readonly,
        resynced=resynced,
        vanished=vanished_uids(reply) if resynced else EMPTY,
        changed=changed_flags(reply, utf8=channel.utf8) if resynced else (),
    )


def vanished_uids(reply: Reply) -> UidSet:
    """Return the UIDs of all VANISHED answers of a command."""
    ranges: list[tuple[int, int]] = []
    for answer in reply.named(b"VANISHED"):
        try:
            ranges += UidSet.parse(answer.text.upper().removeprefix(b"(EARLIER)").strip()).ranges
        except ValueError as error:
            raise garbage("VANISHED without UIDs") from error
    return UidSet.of_ranges(ranges)


def changed_flags(reply: Reply, *, utf8: bool) -> tuple[FlagChange, ...]:
    """Return the flags of all FETCH answers that have a UID, in ascending order of MODSEQ, then UID."""
    changes: dict[int, FlagChange] = {}
    for answer in reply.named(b"FETCH"):
        found = attributes(answer)
        if uid_of(found) and b"FLAGS" in found:
            changes[uid_of(found)] = flag_change(found, utf8=utf8)
    return tuple(sorted(changes.values(), key=lambda change: (change.modseq or 0, change.uid)))


def _resync_parameters(resync: Resync) -> bytes:
    known = resync.known_uids.encode()
    if len(known) > MAX_SET_BYTES:  # the server may then name a few UIDs more, which the caller does not know
        known = b"%d:%d" % (resync.known_uids.first, resync.known_uids.last)
    return b" (QRESYNC (%d %d%s))" % (resync.uidvalidity, resync.modseq, b" " + known if known else b"")


def _codes(reply: Reply) -> dict[bytes, int]:
    texts = [answer.text for answer in reply.named(b"OK")] + [reply.text]
    return {found[1].upper(): int(found[2]) for text in texts if (found := _CODE_NUMBER.match(text))}


def _mailbox(answer: Untagged, *, utf8: bool) -> Mailbox:
    values = parse_values(answer.parts)
    if len(values) < 3 or not isinstance(values[0], list):  # flags, delimiter, name
        raise garbage("a line of LIST without flags, delimiter and name")
    flags = (_word(flag).decode("ascii", "replace") for flag in values[0])
    delimiter = values[1]
    return Mailbox(
        name=decode_name(_word(values[2], if_nil=b"NIL"), utf8=utf8),
        flags=tuple(sorted(flags)),
        delimiter=delimiter.decode("ascii", "replace") if isinstance(delimiter, bytes) else "",
    )


def _word(value: Value, if_nil: bytes = b"") -> bytes:
    if value is None:
        return if_nil
    if not isinstance(value, bytes):
        raise garbage("no word where one belongs")
    return value


def _number(value: Value) -> int:
    word = _word(value)
    if not word.isdigit() or len(word) > 20:  # digits of a 63-bit MODSEQ
        raise garbage("no number where one belongs")
    return int(word)
