"""A mail too big to hold, in slices: `BODY.PEEK[]<offset.count>`, one command a slice."""

from collections.abc import Iterator

from src.common.errors import SourceRefusedError
from src.imap.channel import Channel
from src.imap.fetch_answer import attributes, slice_of, uid_of
from src.imap.refusal import command_refusal
from src.imap.response import Oversize, Untagged, garbage
from src.imap.values import Value

MAX_MAIL_BYTES = 2**32 - 1  # RFC 9051 section 9: an offset is a 32-bit number


def fetch_slices(channel: Channel, uid: int, slice_bytes: int) -> Iterator[bytes]:
    """Yield the bytes of one mail in order; nothing if it is gone. Raises SourceRefusedError if it goes meanwhile."""
    offset = 0
    while offset < MAX_MAIL_BYTES:
        body = _slice(channel, uid, offset, slice_bytes)
        if isinstance(body, Oversize):
            raise garbage("a slice of a mail that is larger than asked for")
        if body is None and offset:
            raise SourceRefusedError(f"the mail vanished after {offset} bytes of it were read")
        if not body:
            return  # only an empty answer is the end: a server may give less than asked before it
        offset += len(body)
        yield body


def _slice(channel: Channel, uid: int, offset: int, count: int) -> bytes | Oversize | None:
    channel.check_free()
    tag = channel.start(b"UID FETCH %d (UID BODY.PEEK[]<%d.%d>)" % (uid, offset, count))
    body: Value = None
    for answer in channel.answers(tag, literal_limit=count):
        if isinstance(answer, Untagged):
            body = _body(answer, uid, body)
        elif answer.status != b"OK":
            raise command_refusal("FETCH", answer)
    if isinstance(body, list):
        raise garbage("a list for a slice of a mail")
    return body


def _body(answer: Untagged, uid: int, known: Value) -> Value:
    """Return the slice in an answer, else what was `known`: changes of flags that nobody asked for may come between."""
    found = attributes(answer) if answer.name == b"FETCH" else {}
    return known if not found or uid_of(found) != uid or slice_of(found) is None else slice_of(found)
