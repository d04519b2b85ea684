"""FETCH answers: attributes of one mail, as values of `answers.py`. Takes parsed responses, not sockets."""

import re
from functools import lru_cache

from src.imap.answers import FlagChange, GmailTags, MailFacts
from src.imap.internal_date import parse_internal_date
from src.imap.mailbox_name import decode_name
from src.imap.response import Untagged, garbage
from src.imap.values import Value, parse_values

Attributes = dict[bytes, Value]  # upper-case name to value

# The two answers that make up nearly all, as servers write them that keep the order of our command. Matching them as a
# whole spares a third of the reader's time; whatever looks otherwise is read value by value, with the same result.
_BODY_ONLY = re.compile(rb"\(UID (\d{1,10}) BODY\[\] $")
_FACTS_ONLY = re.compile(
    rb'\(UID (\d{1,10}) RFC822\.SIZE (\d{1,20}) INTERNALDATE "([^"\\]*)" FLAGS \(([^()"{}]*)\)'
    rb"(?: MODSEQ \((\d{1,20})\))?\)$"
)
_MESSAGE_ID = re.compile(rb"^message-id:\s*(.*)", re.IGNORECASE | re.DOTALL)
_MAX_MESSAGE_ID = 998  # characters; RFC 5322 section 2.1.1 allows no longer line
_BODY = b"BODY[]"
_MAX_DIGITS = 20  # of a 64-bit number
_RECENT = "\\recent"  # belongs to one session and says nothing of the mail


def attributes(response: Untagged) -> Attributes:
    """Return what a FETCH answer tells. Raises SourceUnavailableError for anything but pairs of name and value."""
    parts = response.parts
    if len(parts) == 3 and parts[2] == b")" and (matched := _BODY_ONLY.match(response.text)):
        return {b"UID": matched[1], _BODY: parts[1]}
    values = parse_values(parts)
    pairs = values[0] if values else None
    if not isinstance(pairs, list) or len(pairs) % 2:
        raise garbage("a FETCH answer without pairs")
    found: Attributes = {}
    for name, value in zip(pairs[::2], pairs[1::2], strict=True):
        if not isinstance(name, bytes):
            raise garbage("a FETCH answer without names")
        found[name.upper()] = value
    return found


def uid_of(found: Attributes) -> int:
    """Return the UID; 0 if the answer was not asked for and has none."""
    return _number(found.get(b"UID", b"0"))


def body_of(found: Attributes) -> Value:
    """Return the value of `BODY[]`; None if there is none, and for NIL: the mail is gone."""
    return found.get(_BODY)


def slice_of(found: Attributes) -> Value:
    """Return the value of `BODY[]<…>`; None if there is none, and for NIL."""
    return next((value for name, value in found.items() if name.startswith(_BODY)), None)


def mail_facts(found: Attributes, *, utf8: bool) -> MailFacts:
    """Return all that is told of a mail besides its bytes."""
    date = found.get(b"INTERNALDATE")
    return MailFacts(
        uid=uid_of(found),
        size_bytes=_number(found.get(b"RFC822.SIZE")),
        received_at=parse_internal_date(date) if isinstance(date, bytes) else None,
        flags=flags_of(found),
        modseq=modseq_of(found),
        gmail=_gmail(found, utf8=utf8),
        email_id=_object_id(found.get(b"EMAILID")),
        thread_id=_object_id(found.get(b"THREADID")),
        message_id=_message_id(found),
    )


def usual_facts(response: Untagged) -> MailFacts | None:
    """Return what `mail_facts` would, in a third of the time; None for an answer that does not look as usual."""
    matched = _FACTS_ONLY.match(response.text) if len(response.parts) == 1 else None
    if matched is None:
        return None
    uid, size, date, words, modseq = matched.groups()
    return MailFacts(
        int(uid), int(size), parse_internal_date(date), _flags(tuple(words.split())), int(modseq) if modseq else None
    )


def flag_change(found: Attributes, *, utf8: bool) -> FlagChange:
    """Return a mail's flags."""
    has_labels = b"X-GM-LABELS" in found
    return FlagChange(
        uid=uid_of(found),
        flags=flags_of(found),
        modseq=modseq_of(found),
        labels=_labels(found[b"X-GM-LABELS"], utf8=utf8) if has_labels else None,
    )


def flags_of(found: Attributes) -> tuple[str, ...]:
    """Return the flags, sorted, without `\\Recent`."""
    return _flags(_words(found.get(b"FLAGS")))


def modseq_of(found: Attributes) -> int | None:
    """Return the MODSEQ; None if not told."""
    words = _words(found.get(b"MODSEQ"))
    return _number(words[0]) if words else None


@lru_cache(maxsize=4096)  # mailboxes hold few different sets of flags, and each answer brings one
def _flags(words: tuple[bytes, ...]) -> tuple[str, ...]:
    texts = {word.decode("utf-8", "replace") for word in words}
    return tuple(sorted(text for text in texts if text.lower() != _RECENT))


@lru_cache(maxsize=4096)
def _label_texts(words: tuple[bytes, ...], utf8: bool) -> tuple[str, ...]:
    return tuple(sorted({decode_name(word, utf8=utf8) for word in words}))


def _labels(value: Value, *, utf8: bool) -> tuple[str, ...]:
    return _label_texts(_words(value), utf8)


def _gmail(found: Attributes, *, utf8: bool) -> GmailTags | None:
    if b"X-GM-MSGID" not in found:
        return None
    return GmailTags(
        message_id=_number(found[b"X-GM-MSGID"]),
        thread_id=_number(found.get(b"X-GM-THRID", b"0")),
        labels=_labels(found.get(b"X-GM-LABELS"), utf8=utf8),
    )


def _object_id(value: Value) -> str:
    words = _words(value)
    return words[0].decode("ascii", "replace") if words else ""


def _message_id(found: Attributes) -> str:
    header = next((value for name, value in found.items() if name.startswith(b"BODY[HEADER")), None)
    matched = _MESSAGE_ID.match(header) if isinstance(header, bytes) else None
    if matched is None:
        return ""
    text = b"".join(matched[1].split()).decode("utf-8", "replace")
    return text.removeprefix("<").removesuffix(">")[:_MAX_MESSAGE_ID]


def _words(value: Value) -> tuple[bytes, ...]:
    """Return the words of a list; what is no word (nested, or too big to hold) is left out."""
    return tuple([word for word in value if isinstance(word, bytes)]) if isinstance(value, list) else ()


def _number(value: Value) -> int:
    if not isinstance(value, bytes) or not value.isdigit() or len(value) > _MAX_DIGITS:
        raise garbage("no number where one belongs")
    return int(value)
