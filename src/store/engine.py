"""The SQLAlchemy engine for an address, with the settings each database needs. Connects to nothing by itself.

SQLite: WAL, so that readers and a writer do not wait for each other; `synchronous=FULL`, so that what was committed
survives a power cut; transactions begin and end where we say so, not where Python's driver guesses.
"""

import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError

from src.common.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    import psycopg  # 9 MB: SQLAlchemy loads it when the address names PostgreSQL

BUSY_TIMEOUT_S = 10.0  # how long SQLite waits for another writer; a batch takes well under 1 s
WAL_RETRY_S = 0.01  # between two tries to make a new SQLite file one with a WAL
CONNECT_TIMEOUT_S = 5  # to PostgreSQL
LOCK_TIMEOUT_S = 30  # how long PostgreSQL waits for a row lock before the batch is given up and tried again
TCP_USER_TIMEOUT_MS = 30_000  # without an answer for so long, a connection to PostgreSQL counts as dead
CACHE_KIB = 32 * 1024  # SQLite's page cache of a connection
CHECKPOINT_PAGES = 4_000  # of 4 KiB in the WAL before it is written back; 1,000 checkpoints too often under load
JOURNAL_LIMIT_BYTES = 64 * 1024 * 1024  # to which a WAL that grew is cut again
MAX_CONNECTIONS = 8  # of one process: threads beyond that wait for each other
FOLDER_MODE, FILE_MODE = 0o700, 0o600


def make_engine(url: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Engine:
    """Return the engine; for SQLite, make the file and its folder first, for the owner alone."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseUnavailableError("DATABASE_URL is not an address, see docs/database.md") from error
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed, busy_timeout_s)
    return _postgres(parsed)


def sqlite_path(url: URL) -> Path:
    """Return the file of an SQLite address; memory databases are refused, since every connection sees another."""
    if not url.database or url.database == ":memory:":
        raise DatabaseUnavailableError("DATABASE_URL names no file: expected sqlite:///PATH")
    return Path(url.database)


def _sqlite(url: URL, busy_timeout_s: float) -> Engine:
    _make_private(sqlite_path(url))
    engine = create_engine(
        url,
        connect_args={"timeout": busy_timeout_s, "isolation_level": None, "cached_statements": 256},
        pool_size=MAX_CONNECTIONS,
        max_overflow=0,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_private(path: Path) -> None:
    try:
        path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=FILE_MODE)
    except OSError as error:
        raise DatabaseUnavailableError(
            f"cannot make the SQLite database ({error.strerror}): look at the folder of DATABASE_URL"
        ) from error


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    cursor = connection.cursor()
    _switch_to_wal(cursor)
    for pragma in (
        "synchronous=FULL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        f"cache_size=-{CACHE_KIB}",
        f"wal_autocheckpoint={CHECKPOINT_PAGES}",
        f"journal_size_limit={JOURNAL_LIMIT_BYTES}",
        "secure_delete=OFF",  # Debian's build overwrites freed pages: full-text merges free many
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _switch_to_wal(cursor: sqlite3.Cursor) -> None:
    """Set WAL, waiting for processes that open the same new file: for this switch SQLite itself does not wait."""
    (patience_ms,) = cursor.execute("PRAGMA busy_timeout").fetchone()
    deadline = time.monotonic() + patience_ms / 1_000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(WAL_RETRY_S)


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _postgres(url: URL) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "tcp_user_timeout": TCP_USER_TIMEOUT_MS,
            "application_name": "email-ingestion",
            "options": f"-c timezone=UTC -c jit=off -c lock_timeout={LOCK_TIMEOUT_S}s",
        },
        pool_size=MAX_CONNECTIONS,
        max_overflow=0,
        pool_pre_ping=True,  # a restart of the server costs no batch
    )
    event.listen(engine, "connect", _prepare_postgres)
    return engine


def _prepare_postgres(connection: "psycopg.Connection[Any]", _record: Any) -> None:
    # A mail leaves the stream once it is committed: a commit that a crash takes back would lose it.
    connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
    connection.commit()
