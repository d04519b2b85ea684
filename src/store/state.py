"""What is said of a mail, and how two sayings join: pure values, the same for both databases.

`join` is commutative, associative and idempotent, so that any order, any grouping into batches and any repeats of the
same records end in the same state. What decides, each with its own version:

- place and source: the greatest `version` of what was said of the living mail; before anything was, the greatest
  deletion's;
- labels: the greatest version of what told labels;
- deleted: whether the greatest deletion is at least as new as the greatest `version`;
- content: the first one that comes, but for what is known of its attachments, see refresh.py;
- everything else of the state never changes at a source: the first that is told stays. A Gmail history id only grows.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import orjson

from src.model.envelope import Kind
from src.model.message import Record
from src.store.bounds import check_key, check_number, clean
from src.store.tables import NEVER

NO_LABELS = "[]"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Key(NamedTuple):
    """What makes a mail one mail."""

    account: str
    source_id: str


class State(NamedTuple):
    """All of a row that may change after the mail's content is there."""

    version: int
    labels_version: int
    deleted_version: int
    content_version: int  # of the content that came last
    mailbox: str
    uidvalidity: int
    uid: int
    source: str
    labels: str  # JSON list, sorted
    thread_id: str  # empty: not told yet
    history_id: int | None
    received_at: datetime | None  # None: not told, or the same as `date`
    date: datetime | None  # of the content
    is_stored: bool

    @property
    def is_deleted(self) -> bool:
        """Whether the newest that was said is the deletion."""
        return self.deleted_version != NEVER and self.deleted_version >= self.version

    @property
    def known_received_at(self) -> datetime | None:
        """When the mail was received, as well as it is known: as told, else by its Date header."""
        return self.received_at or self.date


class Saying(NamedTuple):
    """What a batch says of one mail: the joined state, and the records that bring the content; mostly one."""

    state: State
    contents: tuple[Record, ...]


def fold(records: Iterable[Record]) -> dict[Key, Saying]:
    """Join a batch's records mail by mail, in the order in which the mails first occur."""
    sayings: dict[Key, Saying] = {}
    for record in records:
        key = Key(check_key("account", record.account), check_key("source id", record.source_id))
        said = Saying(state_of(record), (record,) if record.message is not None else ())
        before = sayings.get(key)
        sayings[key] = said if before is None else _join_sayings(before, said)
    return sayings


def _join_sayings(before: Saying, said: Saying) -> Saying:
    return Saying(join(before.state, said.state), before.contents + said.contents)


def content_version(record: Record) -> int:
    """Return what orders the times that a mail's content was fetched: µs of Unix time."""
    return check_number("time of fetching", (record.fetched_at - _EPOCH) // _MICROSECOND)


def state_of(record: Record) -> State:
    """Return what one record says. Raises DatabaseRefusedError for numbers and names that no database takes."""
    is_deletion = record.kind is Kind.DELETED
    version = check_number("version", record.version)
    tells_labels = record.labels is not None and not is_deletion
    gmail = record.gmail
    date = record.message.date if record.message is not None else None
    return State(
        version=NEVER if is_deletion else version,
        labels_version=version if tells_labels else NEVER,
        deleted_version=version if is_deletion else NEVER,
        content_version=content_version(record) if record.message is not None else NEVER,
        mailbox=check_key("mailbox", record.place.mailbox),
        uidvalidity=check_number("UIDVALIDITY", record.place.uidvalidity),
        uid=check_number("UID", record.place.uid),
        source=clean(record.source),
        labels=_labels_json(record.labels) if tells_labels and record.labels else NO_LABELS,
        thread_id=clean(record.thread_id or (gmail.thread_id if gmail else "")),
        history_id=_history_id(gmail.history_id) if gmail else None,
        received_at=None if record.received_at == date else record.received_at,
        date=date,
        is_stored=record.message is not None,
    )


def _labels_json(labels: tuple[str, ...]) -> str:
    return orjson.dumps(sorted({clean(label) for label in labels})).decode()


def _history_id(text: str) -> int | None:
    return check_number("history id", int(text)) if text.isascii() and text.isdigit() else None


def join(one: State, other: State) -> State:
    """Return the state in which both were said."""
    place = one if _place_rank(one) >= _place_rank(other) else other
    labels = one if (one.labels_version, one.labels) >= (other.labels_version, other.labels) else other
    date = one.date or other.date
    received_at = one.received_at or other.received_at
    return State(
        version=max(one.version, other.version),
        labels_version=labels.labels_version,
        deleted_version=max(one.deleted_version, other.deleted_version),
        content_version=max(one.content_version, other.content_version),
        mailbox=place.mailbox,
        uidvalidity=place.uidvalidity,
        uid=place.uid,
        source=place.source,
        labels=labels.labels,
        thread_id=one.thread_id or other.thread_id,
        history_id=_greater(one.history_id, other.history_id),
        received_at=None if received_at == date else received_at,
        date=date,
        is_stored=one.is_stored or other.is_stored,
    )


def _place_rank(state: State) -> tuple[int, int, str, int, int, str]:
    # The place itself comes last, so that two sayings of one version still end in the same state in any order.
    age = state.deleted_version if state.version == NEVER else 0
    return (state.version, age, state.mailbox, state.uidvalidity, state.uid, state.source)


def _greater(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return one if other is None else other
    return max(one, other)
