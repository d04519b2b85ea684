"""The roles of the stream, as its users see them. `RedisStream` and `MemoryStream` both play them; one contract test
suite (`tests/contracts/stream_contract.py`) holds both to it.

Conservation: every published mail is in exactly one place: waiting on the stream, in a worker's hands, waiting for a
retry, dead, or settled. Each method below moves mails between these places in one atomic step, or changes nothing.
All methods may raise RedisUnavailableError (nothing is then known of the effect: ask again, every move is idempotent)
and RedisOutOfMemoryError (nothing changed).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from src.model.cursor import Cursor
from src.model.envelope import Kind, RawSlices
from src.model.ticket import Ticket

BEAT_EVERY_S = 5.0  # between the beats of a worker: one small script, however much mail there is
SILENT_AFTER_S = 20.0  # a worker that lives beats three times in this; one not heard of for longer is stuck or dead


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One envelope ready for the stream."""

    envelope_id: str
    kind: Kind
    payload: bytes  # the ticket's JSON, as in CONTRACT.md plus what a Ticket needs; at most 64 KiB
    raw: bytes | RawSlices = b""  # uncompressed; the stream compresses, and slices what is over the spool size
    version: int | None = None  # None: the stream stamps the server's time in µs, greater than any before
    force: bool = False  # publish even if its id was published lately (never while it is still on its way or dead)
    dead_code: str = ""  # not empty: straight to the dead letters under this code
    dead_error: str = ""  # redacted
    packed: bytes | None = None  # the raw mail as it is stored, if `ProducerStream.packed` made it ready ahead


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to produce for one mailbox, until it expires. A greater token fences off every smaller one."""

    account: str
    mailbox: str
    token: int
    owner: str


class PublishResult(StrEnum):
    """How a publish ended; all but PUBLISHED changed nothing."""

    PUBLISHED = "published"  # entries, raw mails, dead letters and cursor are all there
    FULL = "full"  # no room (entries or bytes): wait and try again
    FENCED = "fenced"  # the lease expired or another producer holds a newer one: acquire again, load the cursor
    CURSOR_MOVED = "cursor_moved"  # the stored cursor is not `before`: an earlier try did reach Redis, or an operator
    # changed it; load it and read on from there


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a publish."""

    result: PublishResult
    added: int = 0  # entries now on the stream
    repeated: int = 0  # already on their way, dead, or published lately: left alone
    dead: int = 0  # put into the dead letters


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter."""

    entry_id: str  # of the dead-letter stream; with partitions prefixed "p:"
    envelope_id: str
    code: str
    error: str  # redacted
    attempts: int
    died_at: datetime  # aware UTC
    first_seen_at: datetime | None  # when it was published, aware UTC
    ticket: Ticket | None  # None: unreadable
    has_raw: bool


@dataclass(frozen=True, slots=True)
class StreamStats:
    """The stream at one moment, over all partitions."""

    waiting: int  # entries on the stream, pending ones included
    pending: int  # of these, in workers' hands
    retries: int  # waiting for a retry
    retries_due: int  # of these, due now
    dead: int  # dead letters
    dead_by_code: Mapping[str, int] = field(default_factory=dict)
    raw_bytes: int = 0  # compressed raw mail on its way (not the dead letters')
    max_entries: int = 0
    max_bytes: int = 0
    oldest_waiting_s: float = 0.0  # age of the oldest entry on the stream
    counters: Mapping[str, int] = field(default_factory=dict)  # published, settled, dead, replayed, purged, retried,
    # repeated, refused_full, raw_lost …: kept by the same scripts; published + replayed == live + settled + dead …
    consumers: Mapping[str, float] = field(default_factory=dict)  # name to seconds since last heard of; a worker that
    # lives is heard of every `BEAT_EVERY_S`, one silent for longer than `SILENT_AFTER_S` is stuck, cut off or dead
    redis_version: str = ""


class ProducerStream(Protocol):
    """What a producer needs of the stream."""

    def acquire_lease(self, account: str, mailbox: str, owner: str) -> Lease | None:
        """Take the lease of a mailbox; None while another owner holds it. A token is never given twice.

        The same owner may take it again, which gives a new token (its first answer may have been lost).
        """
        ...

    def renew_lease(self, lease: Lease) -> bool:
        """Prolong the lease; False when it is lost."""
        ...

    def release_lease(self, lease: Lease) -> None:
        """Give the lease back at once; nothing happens if it is lost."""
        ...

    def load_cursor(self, account: str, mailbox: str) -> Cursor:
        """Return the stored cursor; empty if there is none."""
        ...

    def packed(self, outgoing: Sequence[Outgoing]) -> list[Outgoing]:
        """Return the same with their raw mails compressed, so that this is done beside an earlier `publish`, and once.

        What is not packed ahead is packed by `publish`; big mails always are.
        """
        ...

    def publish(self, lease: Lease, outgoing: Sequence[Outgoing], *, before: Cursor, after: Cursor) -> Published:
        """Put entries, raw mails and dead letters on the stream and move the cursor, all in one step or not at all.

        Big mails are staged in slices first; what a crash leaves staged expires by itself within an hour.
        The cursor is compared by its `last_uid` and `uidvalidity` and by every other value of `before`. `last_poll` and
        `total_emails` are kept by the stream itself and left out of cursors: publish an empty batch after a poll that
        brought nothing. An id already on its way or dead, or ADDED lately (unless `force`), counts as repeated. Of a
        change or deletion without a version each call is a statement of its own, and gets an id of its own.
        Raises StagedExpiredError when the slices of a big mail are gone: read the batch again from the stored cursor.
        """
        ...

    def is_on_its_way_or_dead(self, account: str, mailbox: str, envelope_ids: Sequence[str]) -> list[bool]:
        """Tell for each id whether its mail is on the stream, pending, waiting for a retry, or dead."""
        ...

    def mailbox_state(self, account: str, mailbox: str) -> Mapping[str, str]:
        """Return the cursor's values together with `last_poll` (Unix time, s) and `total_emails`, for `status`."""
        ...

    def tickets_of(self, account: str, mailbox: str | None = None) -> Iterator[tuple[Ticket, str]]:
        """Walk a mailbox's tickets, or those of all of an account's, with where each is: "live", "retry" or "dead".

        Not a snapshot; for rare needs.
        """
        ...

    def stats(self) -> StreamStats:
        """Look at the stream."""
        ...


class WorkerStream(Protocol):
    """What a worker needs of the stream. Ticket ids are those the tickets came with."""

    def ensure_group(self) -> None:
        """Create the consumer group at `0` wherever it is missing."""
        ...

    def read_own_pending(self, consumer: str, count: int) -> list[Ticket]:
        """Return tickets already delivered to this consumer: to be asked after every (re)connect, until empty.

        Each call goes on where the last one stopped; an empty answer ends the walk, and the next call starts anew.
        After a reconnect it also returns tickets that are still in hand: tell them by `entry_id`. Tickets left by an
        earlier process under the same consumer name count as a crash, as in `reclaim`.
        """
        ...

    def read_new(self, consumer: str, count: int, block_ms: int) -> list[Ticket]:
        """Return up to `count` new tickets, waiting up to `block_ms` for the first. Unreadable entries are buried."""
        ...

    def begin(self, consumer: str, ticket: Ticket) -> None:
        """Say that work on this suspect (`crashes` above 0) starts: if this worker dies now, it died over this mail.

        A suspect is to be worked on alone, one at a time, with nothing else begun: only so are the bystanders of a
        crash told from its cause. Other tickets need no `begin`; a crash makes all that a worker held suspects.
        """
        ...

    def load_raws(self, tickets: Sequence[Ticket]) -> list[bytes | RawSlices | None]:
        """Return each ticket's raw mail, uncompressed; slices for spooled ones; None where it is missing."""
        ...

    def renew(self, consumer: str, tickets: Sequence[Ticket]) -> list[Ticket]:
        """Prolong the lease of these; return the ones that are still this consumer's."""
        ...

    def settle(self, consumer: str, tickets: Sequence[Ticket], notes: Sequence[bytes]) -> int:
        """Acknowledge, delete entries and raw mails, count, and write the notes; return how many were still ours.

        A ticket that another consumer holds by now is left to it. Settling twice does nothing the second time.
        """
        ...

    def retry(
        self, consumer: str, ticket: Ticket, *, delay_s: float, code: str, error: str, counts: bool = True
    ) -> bool:
        """Move one ticket to the retries, due in `delay_s` by the server's clock; False if it is not ours any more.

        `counts`: whether this was a try of the mail, which raises its `attempt`; a fault of the surroundings is none.
        """
        ...

    def bury(self, consumer: str, ticket: Ticket, *, code: str, error: str) -> bool:
        """Move one ticket to the dead letters with its raw mail; False if it is not ours any more."""
        ...

    def hand_back(self, consumer: str, tickets: Sequence[Ticket]) -> None:
        """Give back what was not begun, at the end of the stream, so that another worker may take it at once."""
        ...

    def promote(self) -> int:
        """Put retries that are due back on the stream, at most 1,000; return how many."""
        ...

    def reclaim(self, consumer: str, count: int) -> list[Ticket]:
        """Take over tickets of silent consumers; those that killed too many workers are buried instead.

        Each ticket tells in `crashes` how many workers died over it. One that was handed back is not counted, so that
        a worker may hand back all but the one it suspects, and the neighbours of a poison mail are spared.
        """
        ...

    def beat(self, consumer: str) -> None:
        """Say that the worker lives: to be called every `BEAT_EVERY_S`, with or without mail."""
        ...

    def leave(self, consumer: str) -> bool:
        """Delete the consumer if nothing is pending for it; return whether it is gone."""
        ...


class DeadLetters(Protocol):
    """What an operator needs of the dead letters."""

    def list_dead(self, *, code: str = "", account: str = "", limit: int = 100, after: str = "") -> list[DeadLetter]:
        """Return dead letters, oldest first."""
        ...

    def get_dead(self, entry_id: str) -> DeadLetter | None:
        """Return one dead letter."""
        ...

    def raw_of_dead(self, entry_id: str) -> bytes | None:
        """Return its raw mail."""
        ...

    def replay(self, entry_ids: Sequence[str]) -> int:
        """Put these back on the stream with counters reset; return how many. A second time does nothing.

        A mail whose raw mail is missing stays dead: purge it, and the next comparison with the source brings it again.
        """
        ...

    def purge(self, entry_ids: Sequence[str]) -> int:
        """Delete these and their raw mails for good; return how many."""
        ...
