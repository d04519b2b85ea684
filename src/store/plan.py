"""What a batch has to change, computed from what it says and what is stored; the writers only carry it out."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from src.model.message import Decide, Record
from src.store.content import STUB, Content, Prepared, prepare
from src.store.refresh import merged
from src.store.state import Key, Saying, State, join

# The order of the columns in every INSERT into raw_emails, after `id`.
ROW_COLUMNS = (
    *Key._fields,
    *State._fields,
    "is_deleted",
    *Content._fields,
    "fetched_at",
    "created_at",
    "updated_at",
)
STATE_COLUMNS = (*State._fields, "is_deleted", "updated_at")
CONTENT_COLUMNS = (*Content._fields, "fetched_at")


AsTime = Callable[[datetime], object]


class Stored(NamedTuple):
    """A row as it is."""

    id: int
    state: State


class Insert(NamedTuple):
    """A mail of which nothing is stored. Without content it becomes a stub."""

    key: Key
    state: State
    prepared: Prepared | None

    @property
    def account(self) -> str:
        """Whose mail it is."""
        return self.key.account


class Update(NamedTuple):
    """A row whose state changes, or one whose mail came: `fill` for a stub, `refresh` for what is stored already; the
    attachments and the rules may tell nothing new then."""

    id: int
    account: str
    state: State
    is_moved: bool  # whether the state is another than the stored one
    fill: Prepared | None
    refresh: Prepared | None
    content_version: int  # of the stored content that came last


class Plan(NamedTuple):
    """All that one batch changes."""

    inserts: list[Insert]
    updates: list[Update]

    @property
    def is_empty(self) -> bool:
        """Whether all was true already."""
        return not (self.inserts or self.updates)


class Planner:
    """Plans one batch, as often as needed; each mail's content is prepared once at most."""

    def __init__(self, sayings: Mapping[Key, Saying], decide: Decide) -> None:
        self._sayings = sayings
        self._decide = decide
        self._prepared: dict[Key, Prepared] = {}

    @property
    def keys(self) -> Collection[Key]:
        """The mails of the batch."""
        return self._sayings.keys()

    def plan(self, stored: Mapping[Key, Stored]) -> Plan:
        """Compare what the batch says with what is stored."""
        inserts: list[Insert] = []
        updates: list[Update] = []
        for key, saying in self._sayings.items():
            found = stored.get(key)
            if found is None:
                inserts.append(Insert(key, saying.state, self._content(key, saying)))
                continue
            update = self._update(key, saying, found)
            if update is not None:
                updates.append(update)
        return Plan(inserts, updates)

    def _update(self, key: Key, saying: Saying, found: Stored) -> Update | None:
        before = found.state
        joined = join(before, saying.state)
        if not before.is_stored:
            if joined == before:
                return None
            fill = self._content(key, saying)
            return Update(found.id, key.account, joined, True, fill, None, before.content_version)
        # Also of the same content as before: a worker that was killed before it settled may have read it worse.
        content = self._content(key, saying)
        refresh = content if content is not None and _may_tell_news(content) else None
        is_moved = joined != before
        if not refresh and not is_moved:
            return None
        return Update(found.id, key.account, joined, is_moved, None, refresh, before.content_version)

    def _content(self, key: Key, saying: Saying) -> Prepared | None:
        prepared = self._prepared.get(key)
        if prepared is None and saying.contents:
            prepared = self._prepared[key] = _prepared(saying.contents, self._decide)
        return prepared


def _may_tell_news(content: Prepared) -> bool:
    return bool(content.attachments) or content.record.decision is not None


def _prepared(records: Sequence[Record], decide: Decide) -> Prepared:
    first, *others = [prepare(record, record.message) for record in records if record.message is not None]
    for other in others:
        first = merged(first, other, decide)
    return first


def row_values(insert: Insert, now: object, as_time: AsTime) -> tuple[object, ...]:
    """Return the values of `ROW_COLUMNS`; `as_time` makes of a time what the driver takes, as `now` is already."""
    prepared = insert.prepared
    content, fetched_at = (prepared.content, as_time(prepared.fetched_at)) if prepared else (STUB, now)
    state = insert.state
    return (*insert.key, *_state_columns(state, as_time), state.is_deleted, *content, fetched_at, now, now)


def state_values(state: State, now: object, as_time: AsTime) -> tuple[object, ...]:
    """Return the values of `STATE_COLUMNS`."""
    return (*_state_columns(state, as_time), state.is_deleted, now)


def _state_columns(state: State, as_time: AsTime) -> tuple[object, ...]:
    *others, _, date, is_stored = state
    received_at = state.known_received_at
    date_value = as_time(date) if date else None
    received_value = date_value if received_at is date else as_time(received_at) if received_at else None
    return (*others, received_value, date_value, is_stored)


def state_from_row(values: Iterable[object]) -> State:
    """Return the state that a row holds; the opposite of `state_values` for the columns of State."""
    state = State(*values)  # type: ignore[arg-type]  # the columns are typed in tables.py
    return state._replace(received_at=None) if state.received_at == state.date else state
