"""Message: a parsed mail. Record: what the store is asked to make true about one mail."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from src.model.decision import Decision
from src.model.envelope import GmailIds, Kind, Place
from src.model.extraction import Attachment


@dataclass(frozen=True, slots=True)
class Address:
    """One address of a header."""

    name: str  # decoded display name; may be empty
    address: str  # as written, without angle brackets; may be empty in broken mail

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name and self.address else self.name or self.address


@dataclass(frozen=True, slots=True)
class Message:
    """A parsed mail. Every text is clean: no NUL, no lone surrogate; header values hold no line breaks."""

    message_id: str  # without angle brackets; empty if none
    in_reply_to: str  # without angle brackets; empty if none
    references: tuple[str, ...]  # oldest first, without angle brackets
    subject: str
    sender: Address | None  # of From, else Sender; None: neither
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    date: datetime | None  # of the Date header, aware UTC; None: missing or unreadable
    body_text: str  # text/plain, else made from HTML; cut at the limit
    body_html_preview: str  # first 500 characters of the HTML source; empty if none
    headers: Mapping[str, str]  # lower-case name to first value, decoded, bounded in number and length
    attachments: tuple[Attachment, ...]
    defects: tuple[str, ...]  # stable slugs of what was wrong, such as `bad_base64`; empty for a clean mail


@dataclass(frozen=True, slots=True)
class Record:
    """What the store shall make true about one mail, in any order with other Records of the same mail."""

    account: str
    source: str
    source_id: str
    kind: Kind
    place: Place
    version: int  # the greater one wins, for labels, place and is_deleted
    labels: tuple[str, ...] | None  # None: not told, leave as they are
    received_at: datetime | None  # aware UTC
    fetched_at: datetime  # aware UTC
    size_bytes: int
    gmail: GmailIds | None
    message: Message | None  # present for ADDED only
    sha256: str  # hex, of the raw mail as received; empty unless ADDED
    thread_id: str  # the source's, else the oldest known Message-ID of the thread
    decision: Decision | None = None  # what rules say of the message; None: they were not asked, what is stored stays


# What rules say of the message of a record, with its attachments as they are there; None: they were not asked.
Decide = Callable[[Record], Decision | None]
