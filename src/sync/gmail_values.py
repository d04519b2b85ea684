"""What the Gmail API says, as values. Ids are the API's own; `gmail_answers.py` makes them from its JSON."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Profile:
    """The mailbox as a whole."""

    email_address: str = field(repr=False)  # as Google writes it
    history_id: int  # the marker: everything from now on has a greater one
    messages_total: int  # spam and trash included; drafts too


@dataclass(frozen=True, slots=True)
class Label:
    """A label, of the system's or the user's."""

    id: str  # such as INBOX or Label_12: what mails carry
    name: str = field(repr=False)  # what people see
    is_system: bool


@dataclass(frozen=True, slots=True)
class MessageRef:
    """A mail by its ids alone."""

    id: str  # 16 hex digits, as X-GM-MSGID in IMAP
    thread_id: str


@dataclass(frozen=True, slots=True)
class IdPage:
    """One page of the list of mails, newest first. An empty page may have a next one."""

    messages: tuple[MessageRef, ...]
    next_page: str | None = field(repr=False)  # token; None: this was the last
    estimate: int  # of the number of mails in all pages; often far off


@dataclass(frozen=True, slots=True)
class Touched:
    """A mail in a history record."""

    id: str
    thread_id: str
    label_ids: tuple[str, ...] | None  # all it has after the change; None: not told, which is not the same as none


@dataclass(frozen=True, slots=True)
class LabelChange:
    """Labels put on a mail, or taken off."""

    message: Touched
    label_ids: tuple[str, ...]  # those put on, or taken off


@dataclass(frozen=True, slots=True)
class HistoryRecord:
    """One change of the mailbox."""

    id: int
    added: tuple[Touched, ...]
    deleted: tuple[Touched, ...]  # for good; moving to the trash is a change of labels
    labels_added: tuple[LabelChange, ...]
    labels_removed: tuple[LabelChange, ...]


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """One page of changes, oldest first. An empty page may have a next one."""

    records: tuple[HistoryRecord, ...]
    history_id: int  # the new marker, if this is the first page; a later page's skips what came meanwhile
    next_page: str | None = field(repr=False)  # token; None: this was the last


@dataclass(frozen=True, slots=True)
class HistoryTooOld:
    """Google does not know the history from this id on any more: compare the whole mailbox."""


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """What is known of a mail besides its bytes."""

    id: str
    thread_id: str
    history_id: int  # of its last change
    label_ids: tuple[str, ...]
    received_at: datetime  # aware UTC
    size_estimate_bytes: int


@dataclass(frozen=True, slots=True)
class RawMessage:
    """A mail with its bytes as received."""

    facts: MessageFacts
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class GoneMessage:
    """404: the mail is not there any more, or, just after it was announced, not there yet."""

    id: str


@dataclass(frozen=True, slots=True)
class Watch:
    """A subscription to pushes."""

    history_id: int  # the mailbox's marker when it began
    expires_at: datetime  # aware UTC; at most 7 days away
