"""How it stands: the stream, the database, every account's mailboxes, in one report.

Gathered for `python -m src.cli status` and for the `/status` endpoint alike. A service that does not answer is part of
the report, not an error: the rest is told all the same. Nothing here changes anything.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from src.common.clock import Clock
from src.common.errors import IngestError
from src.common.logs import account_tag, redact
from src.model.cursor import Cursor
from src.store.protocol import StoreStats, SyncState
from src.stream.protocol import StreamStats

Found = TypeVar("Found")

LEFT_HOLDS_S = 60.0  # after it was written: a producer that reads writes every ten seconds how long it may take


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A service that did not answer."""

    code: str  # of the error
    message: str  # redacted


@dataclass(frozen=True, slots=True)
class MailboxStatus:
    """How far one mailbox has been read."""

    mailbox: str
    cursor: Mapping[str, str]  # as in Redis; where Redis does not answer, as last written to the database
    last_poll_at: datetime | None  # when it was last read to its end, aware UTC
    age_s: float | None  # seconds since then; None: never
    error_code: str  # of the last failure to read it; empty when well
    retired_at: datetime | None = None  # since when it is not read any more: taken out of the settings, or imported
    left_mails: int | None = None  # still to be read in the poll under way; None: none, or not known
    left_s: float | None = None  # seconds that this may take, at the pace of the last minutes; None: nobody knows now
    left_at: datetime | None = None  # when that was so


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """One account: what is stored of it, and its mailboxes."""

    account: str
    tag: str  # under which logs and metrics name it
    stored: StoreStats | None  # None: the database does not answer
    mailboxes: tuple[MailboxStatus, ...]


@dataclass(frozen=True, slots=True)
class StatusReport:
    """Everything at one moment."""

    taken_at: datetime  # aware UTC
    stream: StreamStats | Unavailable
    database: StoreStats | Unavailable
    accounts: tuple[AccountStatus, ...]

    @property
    def is_whole(self) -> bool:
        """True if Redis and the database both answered."""
        return not isinstance(self.stream, Unavailable) and not isinstance(self.database, Unavailable)


class StreamView(Protocol):
    """What the report needs of the stream."""

    def stats(self) -> StreamStats: ...

    def load_cursor(self, account: str, mailbox: str) -> Cursor: ...


class StoreView(Protocol):
    """What the report needs of the database."""

    def stats(self, account: str | None = None) -> StoreStats: ...

    def accounts(self) -> list[str]: ...

    def sync_states(self, account: str | None = None) -> list[SyncState]: ...


def gather_status(
    open_stream: Callable[[], StreamView],
    open_store: Callable[[], StoreView],
    *,
    clock: Clock,
    configured: Sequence[tuple[str, str]] = (),
) -> StatusReport:
    """Look at everything. `configured` names (account, mailbox) of the settings, which may not have been read yet."""
    stream = _ask(lambda: open_stream().stats())
    database = _ask(lambda: open_store().stats())
    states = [] if isinstance(database, Unavailable) else _or_empty(lambda: open_store().sync_states())
    names = [] if isinstance(database, Unavailable) else _or_empty(lambda: open_store().accounts())
    boxes = _mailboxes(states, configured)
    now = clock.now()
    accounts = []
    for account in sorted({*names, *(account for account, _ in boxes)}):
        cursors = open_stream if not isinstance(stream, Unavailable) else None
        mailboxes = tuple(
            _mailbox(account, mailbox, state, cursors, now)
            for (owner, mailbox), state in boxes.items()
            if owner == account
        )
        stored = None if isinstance(database, Unavailable) else _or_none(_stored_of(open_store, account))
        accounts.append(AccountStatus(account, account_tag(account), stored, mailboxes))
    return StatusReport(now, stream, database, tuple(accounts))


def is_full(stats: StreamStats) -> bool:
    """Tell whether producers have to wait for room."""
    by_entries = bool(stats.max_entries) and stats.waiting + stats.retries >= stats.max_entries
    return by_entries or (bool(stats.max_bytes) and stats.raw_bytes >= stats.max_bytes)


def cap_use(stats: StreamStats) -> float:
    """Return the share of the cap that is in use, of entries or bytes, whichever is greater."""
    by_entries = (stats.waiting + stats.retries) / stats.max_entries if stats.max_entries else 0.0
    return max(by_entries, stats.raw_bytes / stats.max_bytes if stats.max_bytes else 0.0)


def _mailboxes(
    states: Iterable[SyncState], configured: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], SyncState | None]:
    boxes: dict[tuple[str, str], SyncState | None] = {(state.account, state.mailbox): state for state in states}
    for name in configured:
        boxes.setdefault(name, None)
    return dict(sorted(boxes.items(), key=lambda item: item[0]))


def _mailbox(
    account: str,
    mailbox: str,
    state: SyncState | None,
    open_stream: Callable[[], StreamView] | None,
    now: datetime,
) -> MailboxStatus:
    live = _or_none(lambda: open_stream().load_cursor(account, mailbox)) if open_stream else None
    written = dict(state.values) if state else {}
    values = dict(live.values) if live is not None and live.values else written
    polled_at = _moment(values.get("last_poll") or written.get("last_poll", ""))
    age_s = max(0.0, (now - polled_at).total_seconds()) if polled_at else None
    if state is None:
        return MailboxStatus(mailbox, values, polled_at, age_s, "")
    known = MailboxStatus(mailbox, values, polled_at, age_s, state.error_code, state.retired_at)
    return _with_left(known, state, now)


def _with_left(box: MailboxStatus, state: SyncState, now: datetime) -> MailboxStatus:
    """Add what is left: of a producer that ended in mid-backfill the number, but no longer how long it takes."""
    if not state.left_mails or state.updated_at is None or state.retired_at is not None:
        return box
    holds = (now - state.updated_at).total_seconds() <= LEFT_HOLDS_S
    left_s = state.left_s if holds else None
    return replace(box, left_mails=state.left_mails, left_s=left_s, left_at=state.updated_at)


def _moment(text: str) -> datetime | None:
    """Read a `last_poll`: Unix seconds, or an ISO time; None for what an operator may have typed instead."""
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        pass
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _stored_of(open_store: Callable[[], StoreView], account: str) -> Callable[[], StoreStats]:
    return lambda: open_store().stats(account)


def _ask(look: Callable[[], Found]) -> Found | Unavailable:
    try:
        return look()
    except IngestError as error:
        return Unavailable(error.code, redact(str(error)))


def _or_none(look: Callable[[], Found]) -> Found | None:
    found = _ask(look)
    return None if isinstance(found, Unavailable) else found


def _or_empty(look: Callable[[], list[Found]]) -> list[Found]:
    return _or_none(look) or []
