"""The roles of the database, as its users see them. The SQLite and the PostgreSQL store both play them; one contract
test suite (`tests/contracts/store_contract.py`) holds both to it.

All methods may raise DatabaseUnavailableError (locked, gone, disk full: nothing was changed, try again),
DatabaseSchemaError, and `write` also DatabaseRefusedError.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from src.model.envelope import Place
from src.model.extraction import Extraction
from src.model.message import Record


@dataclass(frozen=True, slots=True)
class KnownMail:
    """What the database knows of one mail, for comparing with its source."""

    source_id: str
    place: Place
    labels: tuple[str, ...]
    is_deleted: bool
    is_stored: bool  # False: only a change or a tombstone came so far, the mail itself is missing
    message_id: str
    size_bytes: int
    received_at: datetime | None
    sha256: str
    version: int = 0  # greatest of what was said of it, deletions included; what is to count must be greater


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One mail that matches a search."""

    id: int
    account: str
    mailbox: str
    source_id: str
    received_at: datetime | None
    sender: str
    subject: str
    snippet: str  # text around the match, the match in «»
    is_deleted: bool
    labels: tuple[str, ...] = ()  # as the source tells them: ids, flags


@dataclass(frozen=True, slots=True)
class StoreStats:
    """The database at one moment, for one account or all."""

    mails: int
    deleted: int
    attachments: int
    stubs: int  # rows whose mail has not come yet
    with_defects: int
    newest_received_at: datetime | None
    size_bytes: int  # of the database on disk
    # Attachments by how they ended, `outcome` or `outcome:reason`, such as `text`, `skipped:encrypted`; empty for the
    # stats of one account.
    attachments_by_outcome: Mapping[str, int] = field(default_factory=dict)
    # How many mails carry each tag, those deleted at the source among them, the most frequent tags only; empty for the
    # stats of one account.
    mails_by_tag: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SyncState:
    """How far a mailbox has been read, as last written to the database."""

    account: str
    mailbox: str
    values: Mapping[str, str] = field(default_factory=dict)  # the cursor
    error_code: str = ""  # of the last failure; empty when well
    updated_at: datetime | None = None
    reader: str = ""  # the producer process that wrote it; empty: one of an earlier release
    retired_at: datetime | None = None  # since when nobody reads the mailbox any more; None: it is to be read
    is_gmail_api: bool = False  # of the Gmail API's mailbox, else of one of any other source; told by `sync_states`
    left_mails: int | None = None  # still to read when it was written; None: not known, or it was read to its end
    left_s: float | None = None  # seconds that they may take; None: not known
    label_names: Mapping[str, str] | None = None  # what people call labels, by their ids; None: not known, or none are


class MailWriter(Protocol):
    """What a worker needs of the database."""

    def write(self, records: Sequence[Record]) -> None:
        """Make the records true in one transaction, committed on return; any order, any repeats, the same end state.

        The greater version wins for labels, place and deletion; a mail's content is written once, but for what is known
        of its attachments: there the better reading wins, then the one of the content fetched last. The decision is
        that of the content fetched last, on the attachments as they are stored. A change or delete that comes before
        its mail leaves a stub row that the mail later fills.
        DatabaseRefusedError means that at least one record can never be written: the caller splits the batch.
        """
        ...

    def index_pending(self, limit: int) -> int:
        """Fill the full-text index with mails not in it yet, if it lags; return how many were added."""
        ...

    def close(self) -> None:
        """Close connections."""
        ...


class MailReader(Protocol):
    """What sources, verify, export and search need of the database."""

    def known_mails(
        self, account: str, mailbox: str | None = None, *, uidvalidity: int | None = None
    ) -> Iterator[KnownMail]:
        """Walk what is known of an account, or one mailbox of it, by place; stubs and deleted rows included."""
        ...

    def has_numbered_mails(self, account: str) -> bool:
        """Tell whether a living mail of the account has a UID: IMAP was the last to tell of it."""
        ...

    def find_by_uids(self, account: str, mailbox: str, uidvalidity: int, uids: Sequence[int]) -> dict[int, KnownMail]:
        """Return what is known at these places."""
        ...

    def find_by_source_ids(self, account: str, source_ids: Sequence[str]) -> dict[str, KnownMail]:
        """Return what is known of these mails."""
        ...

    def stored_record(self, account: str, source_id: str) -> Record | None:
        """Return a mail as the record that would bring it, with labels and place as they are now; None if there is
        none, or it has not come."""
        ...

    def search(
        self,
        query: str,
        *,
        account: str | None = None,
        limit: int = 50,
        include_deleted: bool = False,
        order: str = "newest",
        tag: str | None = None,
    ) -> list[SearchHit]:
        """Full-text search over subject, people, body and attachment text. Words must all occur; "…" is a phrase;
        `word*` a prefix; `-word` excludes. `order`: "newest" or "relevance". `tag`: only mails that carry it; without
        a word all of them, newest first. Never raises on odd input."""
        ...

    def export(self, account: str | None = None) -> Iterator[dict[str, object]]:
        """Walk all stored mails as the objects of CONTRACT.md (`export --format jsonl`), by row id, memory bounded."""
        ...

    def stats(self, account: str | None = None) -> StoreStats:
        """Count."""
        ...

    def accounts(self) -> list[str]:
        """Return the accounts that have rows or a sync state."""
        ...


class AttachmentReader(Protocol):
    """What is asked of stored attachments."""

    def extraction_of(self, sha256: str, recipe: str) -> Extraction | None:
        """Return what was found before in the same bytes, read in the same way, if nothing was amiss then."""
        ...

    def mails_to_read_again(self, account: str, *, reason: str = "", way: str = "") -> Iterator[KnownMail]:
        """Walk the living mails with an attachment that ended for `reason` (or that the scanner said it of), or that
        was not read in this `way` (the end of a recipe). Rows of schema 0001 count as read in another way."""
        ...


class SyncStates(Protocol):
    """Sync state per account and mailbox, kept in the database beside Redis."""

    def save_sync_state(self, source: str, state: SyncState) -> None:
        """Write the state of one mailbox (`imap_sync_state`; `gmail_sync_state` for the Gmail API)."""
        ...

    def sync_states(self, account: str | None = None) -> list[SyncState]:
        """Return the stored states."""
        ...

    def retire_sync_state(self, state: SyncState, at: datetime) -> bool:
        """Mark a stored state as of a mailbox that nobody reads any more; all it says stays.

        Return False, and change nothing, if it was written since it was returned: then somebody reads it.
        """
        ...


class Store(MailWriter, MailReader, AttachmentReader, SyncStates, Protocol):
    """Everything."""
