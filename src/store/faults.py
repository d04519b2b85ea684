"""What a driver's exception means: the one place where it becomes an error of ours.

Unknown ones count as unavailable: trying again is bounded elsewhere, and giving a mail up for a fault that may pass is
worse than trying in vain. Messages of the drivers may quote values, so none of their text goes into ours.
"""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from src.common.errors import DatabaseRefusedError, DatabaseSchemaError, DatabaseUnavailableError, IngestError

_SQLITE_MEANING = {
    "SQLITE_BUSY": "is locked by another process: see who holds it, a backup perhaps",
    "SQLITE_LOCKED": "is locked by another connection",
    "SQLITE_FULL": "has no room: the disk, or its quota, is full",
    "SQLITE_IOERR": "cannot be read or written: look at the disk",
    "SQLITE_CANTOPEN": "cannot be opened: look at its folder and the permissions",
    "SQLITE_READONLY": "may not be written: look at the permissions of the file and its folder",
    "SQLITE_CORRUPT": "is damaged: restore it from a backup",
    "SQLITE_NOTADB": "is not an SQLite database: look at DATABASE_URL",
}


@contextmanager
def translated() -> Iterator[None]:
    """Turn every exception of the drivers and of SQLAlchemy into an IngestError."""
    try:
        yield
    except DBAPIError as error:
        raise as_ingest_error(error.orig) from error
    except SQLAlchemyError as error:
        raise DatabaseUnavailableError(f"the database did not answer ({type(error).__name__})") from error
    except _driver_errors() as error:
        raise as_ingest_error(error) from error


def as_ingest_error(error: BaseException | None) -> IngestError:
    """Return what a driver's exception means; the caller raises it `from` the original."""
    if isinstance(error, sqlite3.Error):
        return _of_sqlite(error)
    if isinstance(error, _driver_errors()):
        from src.store.postgres_faults import meaning_of  # loads psycopg, which is there already when it fails

        return meaning_of(error)
    return DatabaseUnavailableError(f"the database did not answer ({type(error).__name__})")


def _driver_errors() -> tuple[type[Exception], ...]:
    psycopg = sys.modules.get("psycopg")  # not loaded: it cannot have failed
    return (sqlite3.Error, psycopg.Error) if psycopg else (sqlite3.Error,)


def _of_sqlite(error: sqlite3.Error) -> IngestError:
    name = getattr(error, "sqlite_errorname", None) or type(error).__name__
    if isinstance(error, sqlite3.DataError | sqlite3.IntegrityError) or name.startswith("SQLITE_TOOBIG"):
        return DatabaseRefusedError(f"SQLite refuses a row ({name})")
    if name == "SQLITE_ERROR" and "no such" in str(error):
        return DatabaseSchemaError(
            "a table or column is missing in the SQLite database: run python -m src.store.migrate"
        )
    for prefix, meaning in _SQLITE_MEANING.items():
        if name.startswith(prefix):
            return DatabaseUnavailableError(f"the SQLite database {meaning} ({name})")
    return DatabaseUnavailableError(f"the SQLite database failed ({name})")
