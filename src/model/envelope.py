"""Envelope: one thing a source says about one mail, and where that mail lies at the source.

An envelope either brings a mail (`ADDED`, with its bytes), or tells a change of one that may or may not have come yet
(`CHANGED`, `DELETED`). The store applies them in any order and ends in the same state, see `docs/architecture.md`.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Kind(StrEnum):
    """What an envelope says of its mail."""

    ADDED = "added"  # here is the mail, with its labels as they are now
    CHANGED = "changed"  # its labels, flags or place at the source are now these; no bytes
    DELETED = "deleted"  # it is gone from the source for good; the row stays, marked


class RawSlices(Protocol):
    """A raw mail too big to hold whole: read in order, in slices of at most 1 MiB, as often as one asks.

    A batch is published in parts and tried again, so each walk must begin anew and give the same bytes, or raise.
    """

    size_bytes: int

    def __iter__(self) -> Iterator[bytes]:
        """Begin a walk at the mail's first byte."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a mail lies at its source. Files count as a mailbox with UIDVALIDITY 0."""

    mailbox: str  # decoded name (never modified UTF-7); a file source: the file's or folder's name
    uidvalidity: int = 0  # RFC 9051 section 2.3.1.1; 0 where the source has none
    uid: int = 0  # 0 where the source has none


@dataclass(frozen=True, slots=True)
class GmailIds:
    """What Gmail says of a mail, whether read through IMAP (X-GM-EXT-1) or the API."""

    message_id: str  # 16 hex digits: X-GM-MSGID in hex, which is the API's message id
    thread_id: str  # hex
    history_id: str = ""  # decimal; IMAP does not tell it
    label_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Envelope:
    """One mail, or one change of a mail, on its way from a source."""

    account: str  # whose mail: the login name, or the name given to an import
    source: str  # name of the source in src/sources/registry.py
    source_id: str  # the source's own id, unique in the account and stable for the mail's life
    kind: Kind
    place: Place
    fetched_at: datetime  # aware UTC
    labels: tuple[str, ...] | None = None  # flags and labels, sorted; None: not told, which is not "none"
    received_at: datetime | None = None  # INTERNALDATE or the like, aware UTC; None: not told
    raw: bytes | RawSlices = b""  # the mail exactly as received; empty unless ADDED
    size_bytes: int = 0  # of the raw mail
    version: int | None = None  # orders what is said of one mail; None: the stream stamps it from its own clock
    gmail: GmailIds | None = None
    force: bool = False  # publish even if it was published lately: a repair, or a mailbox read again on request

    @property
    def id(self) -> str:
        """The id under which this envelope travels, see `envelope_id`."""
        return envelope_id(self.account, self.source_id, self.kind, self.version)


def envelope_id(account: str, source_id: str, kind: Kind = Kind.ADDED, version: int | None = None) -> str:
    """Return 32 hex digits that name what is said of a mail: the same for a repeat, and only for a repeat.

    A mail is added once, so `version` counts only for changes.
    """
    told = "" if kind is Kind.ADDED or version is None else str(version)
    text = "\0".join((account, source_id, kind.value, told))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
