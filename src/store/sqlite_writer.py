"""The write path on SQLite. It goes below SQLAlchemy, to the driver's own executemany.

One batch: fold the records, look at what is stored without a lock and prepare only what is new, then take the write
lock, look again (another process may have been faster), and write the difference. A batch that is stored already
writes nothing and takes no lock.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Engine

from src.common.clock import Clock
from src.model.decision import Decision
from src.model.message import Decide, Record
from src.store.content import AttachmentRow, Prepared
from src.store.decided import as_told
from src.store.faults import translated
from src.store.plan import (
    CONTENT_COLUMNS,
    ROW_COLUMNS,
    STATE_COLUMNS,
    Insert,
    Plan,
    Planner,
    Stored,
    Update,
    row_values,
    state_from_row,
    state_values,
)
from src.store.refresh import ON_CONFLICT, Known, Refresh, Texts, refresh
from src.store.state import Key, State, fold


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _settings(columns: Sequence[str]) -> str:
    return ", ".join(f"{name} = ?" for name in columns)


# Only names of our own columns are put into these texts.
_SELECT = f"""
    SELECT account, source_id, id, {", ".join(State._fields)} FROM raw_emails
    WHERE account = ? AND source_id IN (SELECT value FROM json_each(?))"""  # noqa: S608
_INSERT = f"INSERT INTO raw_emails (id, {', '.join(ROW_COLUMNS)}) VALUES (?, {_marks(len(ROW_COLUMNS))})"  # noqa: S608
_UPDATE = f"UPDATE raw_emails SET {_settings(STATE_COLUMNS)} WHERE id = ?"  # noqa: S608
_FILL = f"UPDATE raw_emails SET {_settings(CONTENT_COLUMNS)} WHERE id = ?"  # noqa: S608
_INSERT_ATTACHMENT = f"""
    INSERT INTO email_attachments (email_id, {", ".join(AttachmentRow._fields)})
    VALUES (?, {_marks(len(AttachmentRow._fields))})"""  # noqa: S608
_INSERT_WORDS = "INSERT INTO mail_fts (rowid, subject, people, body, attachments) VALUES (?, ?, ?, ?, ?)"
_TAKE_OUT_WORDS = """
    INSERT INTO mail_fts (mail_fts, rowid, subject, people, body, attachments) VALUES ('delete', ?, ?, ?, ?, ?)"""
_REPLACE_ATTACHMENT = f"{_INSERT_ATTACHMENT} {ON_CONFLICT}"
_SELECT_TEXTS = f"SELECT {', '.join(Texts._fields)} FROM raw_emails WHERE id = ?"  # noqa: S608
_SELECT_ATTACHMENTS = f"""
    SELECT {", ".join(AttachmentRow._fields)} FROM email_attachments WHERE email_id = ? ORDER BY position"""  # noqa: S608
_INSERT_TAG = "INSERT INTO email_tags (email_id, tag) VALUES (?, ?)"
_INSERT_RULE = "INSERT INTO email_rules (email_id, rule) VALUES (?, ?)"
_DELETE_TAGS = "DELETE FROM email_tags WHERE email_id = ?"
_DELETE_RULES = "DELETE FROM email_rules WHERE email_id = ?"
_SELECT_TAGS = "SELECT tag FROM email_tags WHERE email_id = ?"
_SELECT_RULES = "SELECT rule FROM email_rules WHERE email_id = ?"
_NEXT_ID = "SELECT coalesce(max(id), 0) + 1 FROM raw_emails"


class SqliteWriter:
    """Makes records true. Each call takes a connection of its own from the pool, so threads may share a writer."""

    def __init__(self, engine: Engine, clock: Clock, decide: Decide = as_told) -> None:
        self._engine = engine
        self._clock = clock
        self._decide = decide

    def write(self, records: Sequence[Record]) -> None:
        """See MailWriter.write."""
        planner = Planner(fold(records), self._decide)
        with translated(), self._connection() as connection:
            if self._is_true_already(connection, planner.plan(_load_stored(connection, planner.keys))):
                return
            with _write_lock(connection):
                plan = planner.plan(_load_stored(connection, planner.keys))
                now = _to_text(self._clock.now())
                _insert(connection, plan.inserts, now)
                self._update(connection, plan.updates, now)

    def _is_true_already(self, connection: sqlite3.Connection, plan: Plan) -> bool:
        """Tell whether a plan changes nothing, once it is known what is stored of attachments and decisions."""
        return not plan.inserts and not any(row.is_moved or self._news(connection, row) for row in plan.updates)

    def _news(self, connection: sqlite3.Connection, row: Update) -> Refresh | None:
        """Return what the content that came once more changes of a mail; None if nothing."""
        told = row.refresh
        if told is None:
            return None
        known = _known(connection, row, with_decision=told.record.decision is not None)
        return refresh(known, told, self._decide)

    def _refresh(self, connection: sqlite3.Connection, row: Update) -> bool:
        """Write what the content that came once more changes of a mail; return whether there was anything."""
        found = self._news(connection, row)
        if found is not None:
            _write_refresh(connection, row.id, found)
        return found is not None

    def _update(self, connection: sqlite3.Connection, updates: Sequence[Update], now: str) -> None:
        refreshed = {row.id for row in updates if self._refresh(connection, row)}
        changed = [row for row in updates if row.is_moved or row.id in refreshed]
        connection.executemany(_UPDATE, ((*state_values(row.state, now, _to_text), row.id) for row in changed))
        fills = [(row.id, row.fill) for row in updates if row.fill]
        connection.executemany(_FILL, ((*fill.content, _to_text(fill.fetched_at), id_) for id_, fill in fills))
        _add_content(connection, fills)

    def index_pending(self, limit: int) -> int:  # noqa: ARG002 - the role of a lagging index
        """Return 0: the words are written together with the mail."""
        return 0

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        pooled = self._engine.raw_connection()
        try:
            driver = pooled.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            yield driver
        finally:
            pooled.close()


@contextmanager
def _write_lock(connection: sqlite3.Connection) -> Iterator[None]:
    # IMMEDIATE waits for the lock here, with the busy time-out. A transaction that begins with a read and writes later
    # would fail at once instead, when another process wrote meanwhile.
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _load_stored(connection: sqlite3.Connection, keys: Iterable[Key]) -> Mapping[Key, Stored]:
    source_ids: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        source_ids[key.account].append(key.source_id)
    stored: dict[Key, Stored] = {}
    for account, ids in source_ids.items():
        for row in connection.execute(_SELECT, (account, orjson.dumps(ids).decode())):
            stored[Key(row[0], row[1])] = Stored(row[2], _state(row[3:]))
    return stored


def _state(columns: tuple[object, ...]) -> State:
    *others, received_at, date, is_stored = columns
    return state_from_row((*others, _from_text(received_at), _from_text(date), bool(is_stored)))


def _insert(connection: sqlite3.Connection, inserts: Sequence[Insert], now: str) -> None:
    if not inserts:
        return
    first_id: int = connection.execute(_NEXT_ID).fetchone()[0]
    numbered = list(enumerate(inserts, start=first_id))
    connection.executemany(_INSERT, ((id_, *row_values(row, now, _to_text)) for id_, row in numbered))
    _add_content(connection, [(id_, row.prepared) for id_, row in numbered if row.prepared])


def _known(connection: sqlite3.Connection, row: Update, *, with_decision: bool) -> Known:
    texts = Texts(*connection.execute(_SELECT_TEXTS, (row.id,)).fetchone())
    attachments = [_attachment(columns) for columns in connection.execute(_SELECT_ATTACHMENTS, (row.id,))]
    decision = _decision(connection, row.id) if with_decision else Decision()
    return Known(texts, attachments, decision, row.content_version)


def _decision(connection: sqlite3.Connection, id_: int) -> Decision:
    tags, rules = (connection.execute(select, (id_,)).fetchall() for select in (_SELECT_TAGS, _SELECT_RULES))
    return Decision(tuple(tag for (tag,) in tags), tuple(rule for (rule,) in rules))


def _write_refresh(connection: sqlite3.Connection, id_: int, found: Refresh) -> None:
    connection.executemany(_REPLACE_ATTACHMENT, ((id_, *row) for row in found.changed))
    if found.searched is not None:
        connection.execute(_TAKE_OUT_WORDS, (id_, *map(bytes.decode, found.searched.before)))
        connection.execute(_INSERT_WORDS, (id_, *map(bytes.decode, found.searched.after)))
    if found.decision is not None:
        connection.execute(_DELETE_TAGS, (id_,))
        connection.execute(_DELETE_RULES, (id_,))
        _add_decisions(connection, [(id_, found.decision)])


def _add_decisions(connection: sqlite3.Connection, decisions: Sequence[tuple[int, Decision]]) -> None:
    connection.executemany(_INSERT_TAG, ((id_, tag) for id_, decision in decisions for tag in decision.tags))
    connection.executemany(_INSERT_RULE, ((id_, rule) for id_, decision in decisions for rule in decision.rules))


def _attachment(columns: tuple[Any, ...]) -> AttachmentRow:
    row = AttachmentRow(*columns)
    return row._replace(is_inline=bool(row.is_inline), is_truncated=bool(row.is_truncated))


def _add_content(connection: sqlite3.Connection, contents: Sequence[tuple[int, Prepared]]) -> None:
    connection.executemany(
        _INSERT_ATTACHMENT, ((id_, *item) for id_, prepared in contents for item in prepared.attachments)
    )
    connection.executemany(_INSERT_WORDS, ((id_, *map(bytes.decode, prepared.search)) for id_, prepared in contents))
    decisions = [(id_, prepared.record.decision) for id_, prepared in contents]
    _add_decisions(connection, [(id_, decision) for id_, decision in decisions if decision])


def _to_text(time: datetime) -> str:
    """Return a time as SQLAlchemy writes it on SQLite."""
    return time.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def _from_text(text: object) -> datetime | None:
    return datetime.fromisoformat(f"{text}+00:00") if text is not None else None
