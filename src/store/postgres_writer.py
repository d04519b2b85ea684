"""The write path on PostgreSQL. It goes below SQLAlchemy, to psycopg's COPY.

One batch: fold the records, look at what is stored without locks and prepare only what is new. New mails are copied
straight into their tables; rows to be changed are locked first, and looked at again. If another process stored one of
the new mails meanwhile, the unique key refuses the copy, and the whole batch starts over with what is there now.

No two writers can wait for each other in a circle: all lock rows first, in the order of their keys, and then insert,
in the order of their keys.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

import psycopg
import psycopg.errors
from sqlalchemy import Engine

from src.common.clock import Clock
from src.common.errors import DatabaseUnavailableError
from src.model.decision import Decision
from src.model.message import Decide, Record
from src.store.content import AttachmentRow, Prepared, SearchTexts
from src.store.decided import as_told
from src.store.faults import translated
from src.store.plan import (
    CONTENT_COLUMNS,
    ROW_COLUMNS,
    STATE_COLUMNS,
    Insert,
    Planner,
    Stored,
    Update,
    row_values,
    state_from_row,
    state_values,
)
from src.store.postgres_copy import PostgresConnection, binary_types, copy_rows
from src.store.refresh import ON_CONFLICT, Known, Texts, refresh
from src.store.state import Key, State, fold
from src.store.tables import email_attachments, raw_emails
from src.store.tsvector import to_tsvector

MAX_RACES = 10  # times a batch starts over since others stored some of it; each time more of it is there

_Content = tuple[int, Insert | Update, Prepared]
_JSON_COLUMNS = {"labels", "reference_ids", "recipients", "headers", "defects", "metadata"}


def _settings(columns: Sequence[str]) -> str:
    return ", ".join(f"{name} = %s" for name in columns)


def _read(column: str) -> str:
    return f"m.{column}::text" if column in _JSON_COLUMNS else f"m.{column}"


# Only names of our own columns are put into these texts.
_SELECT = f"""
    SELECT m.account, m.source_id, m.id, {", ".join(map(_read, State._fields))} FROM raw_emails m
    WHERE m.account = %s AND m.source_id = ANY(%s)"""  # noqa: S608
_SELECT_LOCKED = f"{_SELECT} ORDER BY m.source_id FOR UPDATE"
_NEW_IDS = "SELECT nextval(pg_get_serial_sequence('raw_emails', 'id')) FROM generate_series(1, %s)"
_COPY_MAILS = f"COPY raw_emails (id, {', '.join(ROW_COLUMNS)}) FROM STDIN (FORMAT BINARY)"
_COPY_ATTACHMENTS = f"COPY email_attachments (email_id, {', '.join(AttachmentRow._fields)}) FROM STDIN (FORMAT BINARY)"
_COPY_WORDS = "COPY mail_search (email_id, account, received_at, is_deleted, words) FROM STDIN (FORMAT BINARY)"
_WORDS_TYPES = ("int8", "text", "timestamptz", "bool", "bytea")  # a tsvector in binary is bytes
_COPY_TAGS = "COPY email_tags (email_id, tag) FROM STDIN (FORMAT BINARY)"
_COPY_RULES = "COPY email_rules (email_id, rule) FROM STDIN (FORMAT BINARY)"
_NAME_TYPES = ("int8", "text")
_UPDATE = f"UPDATE raw_emails SET {_settings(STATE_COLUMNS)} WHERE id = %s"  # noqa: S608
_UPDATE_SEARCH = """
    UPDATE mail_search SET is_deleted = %s, received_at = %s
    WHERE email_id = %s AND (is_deleted, received_at) IS DISTINCT FROM (%s, %s)"""
_FILL = f"UPDATE raw_emails SET {_settings(CONTENT_COLUMNS)} WHERE id = %s"  # noqa: S608
_DELETE_TAGS = "DELETE FROM email_tags WHERE email_id = %s"
_DELETE_RULES = "DELETE FROM email_rules WHERE email_id = %s"
_SELECT_TAGS = "SELECT tag FROM email_tags WHERE email_id = %s"
_SELECT_RULES = "SELECT rule FROM email_rules WHERE email_id = %s"
_REPLACE_ATTACHMENT = f"""
    INSERT INTO email_attachments (email_id, {", ".join(AttachmentRow._fields)})
    VALUES (%s, {", ".join(["%s"] * len(AttachmentRow._fields))}) {ON_CONFLICT}"""  # noqa: S608
_TAKE_OUT_WORDS = "DELETE FROM mail_search WHERE email_id = %s"
_SELECT_TEXTS = f"SELECT {', '.join(map(_read, Texts._fields))} FROM raw_emails m WHERE id = %s"  # noqa: S608
_SELECT_ATTACHMENTS = f"""
    SELECT {", ".join(map(_read, AttachmentRow._fields))} FROM email_attachments m
    WHERE email_id = %s ORDER BY position"""  # noqa: S608


class PostgresWriter:
    """Makes records true. Each call takes a connection of its own from the pool, so threads may share a writer."""

    def __init__(self, engine: Engine, clock: Clock, decide: Decide = as_told) -> None:
        self._engine = engine
        self._clock = clock
        self._decide = decide
        self._mail_types = binary_types(raw_emails, ("id", *ROW_COLUMNS))
        self._attachment_types = binary_types(email_attachments, ("email_id", *AttachmentRow._fields))

    def write(self, records: Sequence[Record]) -> None:
        """See MailWriter.write."""
        planner = Planner(fold(records), self._decide)
        with translated(), self._connection() as connection:
            for _ in range(MAX_RACES):
                try:
                    return self._write(connection, planner)
                except psycopg.errors.UniqueViolation:
                    connection.rollback()
        raise DatabaseUnavailableError(f"other processes were faster {MAX_RACES} times: try again")

    def _write(self, connection: PostgresConnection, planner: Planner) -> None:
        plan = planner.plan(_load_stored(connection, planner.keys, _SELECT))
        if plan.updates:
            plan = planner.plan(_load_stored(connection, planner.keys, _SELECT_LOCKED))
        if plan.is_empty:
            return
        now = self._clock.now()
        added = self._update(connection, plan.updates, now)
        added += self._insert(connection, plan.inserts, now)
        self._add_content(connection, added)
        connection.commit()

    def _update(self, connection: PostgresConnection, updates: Sequence[Update], now: datetime) -> list[_Content]:
        if not updates:
            return []
        cursor = connection.cursor()
        refreshed = {row.id for row in updates if row.refresh and self._refresh(connection, row, row.refresh)}
        changed = [row for row in updates if row.is_moved or row.id in refreshed]
        cursor.executemany(_UPDATE.encode(), [(*state_values(row.state, now, _as_it_is), row.id) for row in changed])
        found = [(row.state.is_deleted, row.state.known_received_at) for row in changed]
        cursor.executemany(_UPDATE_SEARCH, [(*seen, row.id, *seen) for row, seen in zip(changed, found, strict=True)])
        fills = [(row.id, row, row.fill) for row in updates if row.fill]
        cursor.executemany(_FILL.encode(), [(*fill.content, fill.fetched_at, id_) for id_, _, fill in fills])
        return list(fills)

    def _refresh(self, connection: PostgresConnection, row: Update, told: Prepared) -> bool:
        """Write what the content that came once more changes of a mail; return whether there was anything."""
        known = _known(connection, row, with_decision=told.record.decision is not None)
        found = refresh(known, told, self._decide)
        if found is None:
            return False
        cursor = connection.cursor()
        cursor.executemany(_REPLACE_ATTACHMENT.encode(), [(row.id, *changed) for changed in found.changed])
        if found.searched is not None:
            cursor.execute(_TAKE_OUT_WORDS, (row.id,))
            _copy_words(connection, [(row.id, row, found.searched.after)])
        if found.decision is not None:
            cursor.execute(_DELETE_TAGS, (row.id,))
            cursor.execute(_DELETE_RULES, (row.id,))
            _copy_decisions(connection, [(row.id, found.decision)])
        return True

    def index_pending(self, limit: int) -> int:  # noqa: ARG002 - the role of a lagging index
        """Return 0: the words are written together with the mail."""
        return 0

    def _insert(self, connection: PostgresConnection, inserts: Sequence[Insert], now: datetime) -> list[_Content]:
        if not inserts:
            return []
        ordered = sorted(inserts, key=lambda row: row.key)
        ids = [id_ for (id_,) in connection.execute(_NEW_IDS, (len(ordered),))]
        numbered = list(zip(ids, ordered, strict=True))
        rows = ((id_, *row_values(row, now, _as_it_is)) for id_, row in numbered)
        copy_rows(connection, _COPY_MAILS, self._mail_types, rows)
        return [(id_, row, row.prepared) for id_, row in numbered if row.prepared]

    def _add_content(self, connection: PostgresConnection, contents: Sequence[_Content]) -> None:
        attachments = [(id_, *item) for id_, _, prepared in contents for item in prepared.attachments]
        if attachments:
            copy_rows(connection, _COPY_ATTACHMENTS, self._attachment_types, attachments)
        _copy_words(connection, [(id_, row, prepared.search) for id_, row, prepared in contents])
        decisions = [(id_, prepared.record.decision) for id_, _, prepared in contents]
        _copy_decisions(connection, [(id_, decision) for id_, decision in decisions if decision is not None])

    @contextmanager
    def _connection(self) -> Iterator[PostgresConnection]:
        pooled = self._engine.raw_connection()
        try:
            driver = pooled.driver_connection
            assert isinstance(driver, psycopg.Connection)
            yield driver
        finally:
            pooled.close()  # rolls back what was not committed


def _load_stored(connection: PostgresConnection, keys: Iterable[Key], statement: str) -> Mapping[Key, Stored]:
    source_ids: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        source_ids[key.account].append(key.source_id)
    stored: dict[Key, Stored] = {}
    for account in sorted(source_ids):
        for row in connection.execute(statement.encode(), (account, source_ids[account])):
            stored[Key(row[0], row[1])] = Stored(row[2], state_from_row(row[3:]))
    return stored


def _known(connection: PostgresConnection, row: Update, *, with_decision: bool) -> Known:
    texts = Texts(*connection.execute(_SELECT_TEXTS.encode(), (row.id,)).fetchall()[0])
    attachments = [AttachmentRow(*columns) for columns in connection.execute(_SELECT_ATTACHMENTS.encode(), (row.id,))]
    decision = _decision(connection, row.id) if with_decision else Decision()
    return Known(texts, attachments, decision, row.content_version)


def _decision(connection: PostgresConnection, id_: int) -> Decision:
    tags, rules = (connection.execute(select, (id_,)).fetchall() for select in (_SELECT_TAGS, _SELECT_RULES))
    return Decision(tuple(tag for (tag,) in tags), tuple(rule for (rule,) in rules))


def _copy_decisions(connection: PostgresConnection, decisions: Sequence[tuple[int, Decision]]) -> None:
    tags = [(id_, tag) for id_, decision in decisions for tag in decision.tags]
    rules = [(id_, rule) for id_, decision in decisions for rule in decision.rules]
    for statement, rows in ((_COPY_TAGS, tags), (_COPY_RULES, rules)):
        if rows:
            copy_rows(connection, statement, _NAME_TYPES, rows)


def _copy_words(connection: PostgresConnection, texts: Sequence[tuple[int, Insert | Update, SearchTexts]]) -> None:
    words = (
        (id_, row.account, row.state.known_received_at, row.state.is_deleted, to_tsvector(text))
        for id_, row, text in texts
    )
    copy_rows(connection, _COPY_WORDS, _WORDS_TYPES, words)


def _as_it_is(time: datetime) -> datetime:
    return time
