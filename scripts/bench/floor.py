"""The hand-written floor that the worker is measured against: Redis → parse → one transaction a batch → acknowledge.

As fast as one person would write it in one file for exactly these mails: the raw mail inside the entry, uncompressed;
a splitter that trusts its input; no leases, no retries, no versions, no defects, no metrics; inserts only. It stores
what the worker stores, with the same indexes and the same tuning of the full-text index, as durably.
"""

import binascii
import hashlib
import re
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import orjson
import pybase64
import redis

from scripts.bench.store_floors import PostgresFloor
from src.model.envelope import Kind, Place
from src.model.extraction import Attachment, Extracted, Extraction
from src.model.message import Address, Message, Record

STREAM, GROUP, BATCH = "floor", "floor_group", 200

_HEADER = re.compile(rb"^([!-9;-~]+):[ \t]*((?:[^\n]|\n[ \t])*)", re.MULTILINE)
_PARAMETER = re.compile(r'(boundary|charset|name|filename)="?([^";]+)', re.IGNORECASE)
_TAG = re.compile(r"<[^>]*+>")


class Mail(NamedTuple):
    """What the floor knows of a mail."""

    headers: dict[str, str]
    text: str
    html: str
    files: list[tuple[str, str, int, str]]  # name, type, size, SHA-256


def parse(raw: bytes) -> Mail:
    """Split a well-formed mail."""
    headers: dict[str, str] = {}
    texts: list[str] = []
    htmls: list[str] = []
    files: list[tuple[str, str, int, str]] = []
    waiting = [(0, len(raw))]
    while waiting:
        start, end = waiting.pop()
        cut = raw.find(b"\r\n\r\n", start, end)
        head = {
            name.decode().lower(): " ".join(value.decode("utf-8", "replace").split())
            for name, value in _HEADER.findall(raw[start:cut])
        }
        headers = headers or head
        kind, _, rest = head.get("content-type", "text/plain").partition(";")
        parameters = {name.lower(): value for name, value in _PARAMETER.findall(rest)}
        if kind.startswith("multipart/"):
            mark = b"\r\n--" + parameters["boundary"].encode()
            at = raw.find(mark, cut + 2, end)
            parts = []
            while at >= 0 and raw[at + len(mark) : at + len(mark) + 2] != b"--":
                following = raw.find(mark, at + len(mark), end)
                parts.append((at + len(mark) + 2, following if following >= 0 else end))
                at = following
            waiting += reversed(parts)
            continue
        data = raw[cut + 4 : end]
        encoding = head.get("content-transfer-encoding", "").lower()
        if encoding == "base64":
            data = pybase64.b64decode(data)
        elif encoding == "quoted-printable":
            data = binascii.a2b_qp(data)
        if "filename" in parameters or head.get("content-disposition", "").startswith("attachment"):
            files.append((parameters.get("name", ""), kind, len(data), hashlib.sha256(data).hexdigest()))
        elif kind == "text/html":
            htmls.append(data.decode(parameters.get("charset", "utf-8"), "replace"))
        else:
            texts.append(data.decode(parameters.get("charset", "utf-8"), "replace"))
    text = "\n".join(texts) if texts else _TAG.sub(" ", "\n".join(htmls))
    return Mail(headers, text, "\n".join(htmls), files)


SCHEMA = """
PRAGMA journal_mode=WAL;
CREATE TABLE mails (id INTEGER PRIMARY KEY, account TEXT, source_id TEXT, mailbox TEXT, uid INTEGER, message_id TEXT,
  thread_id TEXT, reference_ids TEXT, subject TEXT, sender TEXT, recipients TEXT, snippet TEXT, body TEXT, html TEXT,
  headers TEXT, date TEXT, received_at TEXT, size INTEGER, sha256 TEXT, created_at TEXT, UNIQUE (account, source_id));
CREATE INDEX mails_place ON mails (account, mailbox, uid);
CREATE INDEX mails_received ON mails (account, received_at);
CREATE INDEX mails_newest ON mails (received_at);
CREATE INDEX mails_message ON mails (message_id);
CREATE TABLE files (id INTEGER PRIMARY KEY, mail INTEGER, position INTEGER, name TEXT, type TEXT, size INTEGER,
  sha256 TEXT, UNIQUE (mail, position));
CREATE VIRTUAL TABLE words USING fts5(subject, people, body, files, content='', tokenize='ascii');
INSERT INTO words(words, rank) VALUES ('hashsize', 16777216);
INSERT INTO words(words, rank) VALUES ('automerge', 8);
"""


def open_sqlite(path: str) -> sqlite3.Connection:
    """Open the database, tuned as the product's."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=10)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA cache_size=-32768")
    connection.execute("PRAGMA wal_autocheckpoint=4000")
    connection.execute("PRAGMA secure_delete=OFF")
    connection.execute("PRAGMA temp_store=MEMORY")
    return connection


class Row(NamedTuple):
    """One mail, ready to be inserted."""

    mail: tuple[object, ...]
    files: list[tuple[str, str, int, str]]
    words: tuple[str, str, str, str]


def row_of(source_id: str, raw: bytes, now: str) -> Row:
    """Return what is inserted for one mail."""
    mail = parse(raw)
    head = mail.headers
    message_id = head.get("message-id", "").strip("<>")
    references = [reference.strip("<>") for reference in head.get("references", "").split()]
    people = f"{head.get('from', '')} {head.get('to', '')} {head.get('cc', '')}"
    date = parsedate_to_datetime(head["date"]).astimezone(UTC).isoformat() if "date" in head else None
    names = " ".join(file[0] for file in mail.files)
    return Row(
        (
            "bench", source_id, "INBOX", 0, message_id, references[0] if references else message_id,
            orjson.dumps(references).decode(), head.get("subject", ""), head.get("from", ""), head.get("to", ""),
            " ".join(mail.text[:400].split())[:200], mail.text, mail.html[:500], orjson.dumps(head).decode(), date,
            date, len(raw), hashlib.sha256(raw).hexdigest(), now,
        ),
        mail.files,
        (head.get("subject", "").lower(), people.lower(), mail.text.lower(), names.lower()),
    )  # fmt: skip


def store_sqlite(connection: sqlite3.Connection, rows: list[Row]) -> None:
    """Insert one batch in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    first: int = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM mails").fetchone()[0]
    numbered = list(enumerate(rows, first))
    connection.executemany(
        f"INSERT INTO mails VALUES (?{', ?' * 19}) ON CONFLICT DO NOTHING", [(id_, *row.mail) for id_, row in numbered]
    )
    connection.executemany(
        "INSERT INTO files (mail, position, name, type, size, sha256) VALUES (?, ?, ?, ?, ?, ?)",
        [(id_, at, *file) for id_, row in numbered for at, file in enumerate(row.files)],
    )
    connection.executemany("INSERT INTO words (rowid, subject, people, body, files) VALUES (?, ?, ?, ?, ?)",
                           [(id_, *row.words) for id_, row in numbered])  # fmt: skip
    connection.execute("COMMIT")


def fill(client: redis.Redis, mails: Sequence[bytes]) -> None:
    """Put the mails on the floor's stream."""
    client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    for start in range(0, len(mails), 100):
        pipe = client.pipeline(transaction=False)
        for at, raw in enumerate(mails[start : start + 100], start):
            pipe.xadd(STREAM, {"id": f"INBOX/1/{at}", "raw": raw})
        pipe.execute()


def work(redis_url: str, path: str) -> int:
    """Work until the stream is empty; return how many mails were stored."""
    client: Any = redis.Redis.from_url(redis_url)
    connection = open_sqlite(path)
    done = 0
    while entries := client.xreadgroup(GROUP, "floor", {STREAM: ">"}, count=BATCH):
        found = entries[0][1]
        now = datetime.now(UTC).isoformat()
        store_sqlite(connection, [row_of(fields[b"id"].decode(), fields[b"raw"], now) for _, fields in found])
        ids = [entry_id for entry_id, _ in found]
        pipe = client.pipeline(transaction=False)
        pipe.xack(STREAM, GROUP, *ids)
        pipe.xdel(STREAM, *ids)
        pipe.execute()
        done += len(found)
    connection.close()
    client.close()
    return done


def work_postgres(redis_url: str, database_url: str) -> int:
    """The same into PostgreSQL, by COPY into the product's own tables and indexes."""
    client: Any = redis.Redis.from_url(redis_url)
    writer = PostgresFloor(database_url)
    done = 0
    while entries := client.xreadgroup(GROUP, "floor", {STREAM: ">"}, count=BATCH):
        found = entries[0][1]
        writer.write([record_of(fields[b"id"].decode(), fields[b"raw"]) for _, fields in found])
        ids = [entry_id for entry_id, _ in found]
        pipe = client.pipeline(transaction=False)
        pipe.xack(STREAM, GROUP, *ids)
        pipe.xdel(STREAM, *ids)
        pipe.execute()
        done += len(found)
    writer.close()
    client.close()
    return done


def record_of(source_id: str, raw: bytes) -> Record:
    """Return one mail in the form that the floor for PostgreSQL takes."""
    mail = parse(raw)
    head = mail.headers
    message_id = head.get("message-id", "").strip("<>")
    references = tuple(reference.strip("<>") for reference in head.get("references", "").split())
    date = parsedate_to_datetime(head["date"]).astimezone(UTC)
    files = [
        Attachment(at, name, kind, "", size, sha256, False, Extraction(Extracted.SKIPPED))
        for at, (name, kind, size, sha256) in enumerate(mail.files)
    ]
    message = Message(
        message_id, "", references, head.get("subject", ""), Address("", head.get("from", "")),
        (Address("", head.get("to", "")),), (), (), date, mail.text, mail.html[:500], head, tuple(files), (),
    )  # fmt: skip
    return Record(
        "bench", "imap", source_id, Kind.ADDED, Place("INBOX", 1, 0), 1, (), date, date, len(raw), None, message,
        hashlib.sha256(raw).hexdigest(), references[0] if references else message_id,
    )  # fmt: skip
