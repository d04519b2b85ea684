"""The floors: what somebody writes by hand who needs speed and nothing else, on the same tables and indexes.

No states that join, no scrubbing, no bounds, no translation of errors: a repeat is ignored, and that is all.
"""

import re
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
import psycopg

from src.model.extraction import Attachment
from src.model.message import Message, Record

_COLUMNS = (
    "account, source_id, version, labels_version, deleted_version, mailbox, uidvalidity, uid, source, labels, "
    "thread_id, history_id, received_at, date, is_stored, is_deleted, message_id, in_reply_to, reference_ids, "
    "subject, sender, recipients, snippet, body, body_html_preview, headers, defects, size_bytes, sha256, "
    "fetched_at, created_at, updated_at"
)
_ATTACHMENT_COLUMNS = (
    "email_id, position, filename, content_type, content_id, size_bytes, sha256, is_inline, outcome, skipped_reason, "
    "text, is_truncated, metadata"
)
_TYPES = (
    ["int8", "text", "text", "int8", "int8", "int8", "text", "int8", "int8", "text", "text", "text", "int8"]
    + ["timestamptz"] * 2
    + ["bool"] * 2
    + ["text"] * 11
    + ["int8", "text"]
    + ["timestamptz"] * 3
)
_ATTACHMENT_TYPES = [
    *("int8", "int4", "text", "text", "text", "int8", "text"),
    *("bool", "text", "text", "text", "bool", "text"),
]
_WORD = re.compile(r"[^\W_]+")


def _row(record: Record, message: Message, now: Any, time: Any) -> tuple[Any, ...]:
    return (
        record.account,
        record.source_id,
        record.version,
        record.version,
        -1,
        record.place.mailbox,
        record.place.uidvalidity,
        record.place.uid,
        record.source,
        orjson.dumps(record.labels).decode(),
        record.thread_id,
        None,
        time(record.received_at),
        time(message.date),
        True,
        False,
        message.message_id,
        message.in_reply_to,
        orjson.dumps(message.references).decode(),
        message.subject,
        str(message.sender),
        orjson.dumps({"to": [str(item) for item in message.to], "cc": [], "bcc": []}).decode(),
        message.body_text[:200],
        message.body_text,
        message.body_html_preview,
        orjson.dumps(message.headers).decode(),
        "[]",
        record.size_bytes,
        record.sha256,
        time(record.fetched_at),
        now,
        now,
    )


def _attachment(id_: int, item: Attachment) -> tuple[Any, ...]:
    extraction = item.extraction
    return (
        id_,
        item.position,
        item.filename,
        item.content_type,
        item.content_id,
        item.size_bytes,
        item.sha256,
        item.is_inline,
        extraction.outcome.value,
        extraction.reason,
        extraction.text,
        False,
        "{}",
    )


def _search_texts(message: Message) -> tuple[str, str, str, str]:
    people = f"{message.sender} {' '.join(map(str, message.to))}"
    attached = " ".join(f"{item.filename} {item.extraction.text}" for item in message.attachments)
    return message.subject, people, message.body_text, attached


class SqliteFloor:
    """Python's own sqlite3: one transaction a batch, one executemany a table."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        pragmas = ("journal_mode=WAL", "synchronous=FULL", "cache_size=-32768", "wal_autocheckpoint=4000")
        for pragma in (*pragmas, "secure_delete=OFF", "temp_store=MEMORY", "foreign_keys=ON"):
            self._connection.execute(f"PRAGMA {pragma}")

    def write(self, records: Sequence[Record]) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        (first,) = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM raw_emails").fetchone()
        now = datetime.now().isoformat(" ")  # noqa: DTZ005 - a floor does not care
        rows = [(first + n, record, record.message) for n, record in enumerate(records) if record.message]
        connection.executemany(
            f"INSERT INTO raw_emails (id, {_COLUMNS}) VALUES (?{', ?' * 32}) ON CONFLICT DO NOTHING",
            [(id_, *_row(record, message, now, lambda time: time.isoformat(" "))) for id_, record, message in rows],
        )
        connection.executemany(
            f"INSERT INTO email_attachments ({_ATTACHMENT_COLUMNS}) VALUES (?{', ?' * 12})",
            [_attachment(id_, item) for id_, _, message in rows for item in message.attachments],
        )
        connection.executemany(
            "INSERT INTO mail_fts (rowid, subject, people, body, attachments) VALUES (?, ?, ?, ?, ?)",
            [(id_, *_search_texts(message)) for id_, _, message in rows],
        )
        connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


class PostgresFloor:
    """psycopg's COPY into a temporary table, then INSERT … SELECT; words and attachments are copied straight."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url.replace("+psycopg", ""))
        self._connection.execute("CREATE TEMP TABLE incoming (LIKE raw_emails) ON COMMIT DELETE ROWS")
        self._connection.commit()

    def write(self, records: Sequence[Record]) -> None:
        connection, now = self._connection, datetime.now().astimezone()
        ids = connection.execute(
            "SELECT nextval('raw_emails_id_seq') FROM generate_series(1, %s)", (len(records),)
        ).fetchall()
        rows = [(id_, record, record.message) for (id_,), record in zip(ids, records, strict=True) if record.message]
        self._copy(
            f"COPY incoming (id, {_COLUMNS}) FROM STDIN (FORMAT BINARY)",
            _TYPES,
            [(id_, *_row(record, message, now, lambda time: time)) for id_, record, message in rows],
        )
        inserted = connection.execute(
            "INSERT INTO raw_emails SELECT * FROM incoming ON CONFLICT DO NOTHING RETURNING id"
        ).fetchall()
        new = {id_ for (id_,) in inserted}
        kept = [(id_, record, message) for id_, record, message in rows if id_ in new]
        attachments = [_attachment(id_, item) for id_, _, message in kept for item in message.attachments]
        statement = f"COPY email_attachments ({_ATTACHMENT_COLUMNS}) FROM STDIN (FORMAT BINARY)"
        self._copy(statement, _ATTACHMENT_TYPES, attachments)
        words = [
            (id_, record.account, record.received_at, False, _tsvector(_search_texts(message)))
            for id_, record, message in kept
        ]
        self._copy("COPY mail_search FROM STDIN", None, words)
        connection.commit()

    def close(self) -> None:
        self._connection.close()

    def _copy(self, statement: str, types: list[str] | None, rows: Sequence[tuple[Any, ...]]) -> None:
        with self._connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            if types:
                copy.set_types(types)
            for row in rows:
                copy.write_row(row)


def _tsvector(texts: Sequence[str]) -> str:
    """Return a tsvector as text, made by the client: to_tsvector would cost the server ten times that."""
    positions: dict[str, list[str]] = {}
    position = 0
    for weight, text in zip("ABCD", texts, strict=True):
        for position, word in enumerate(_WORD.findall(text.lower()), position + 1):  # noqa: B020
            positions.setdefault(word, []).append(f"{position}{weight}")
    return " ".join(f"{word}:{','.join(places[:255])}" for word, places in positions.items())
