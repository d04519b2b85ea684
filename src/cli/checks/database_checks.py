"""The database: does it answer, is its schema ours, can it be written to, can it search?"""

import os
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from config.settings import Settings
from src.cli.checks.check import Check, green, judged, red, yellow
from src.common.errors import IngestError
from src.common.logs import redact
from src.store.engine import make_engine, sqlite_path
from src.store.faults import translated
from src.store.migrate import HEAD, current_revision

AREA = "database"
LOCK_WAIT_S = 3.0  # for a worker's batch to end before the try to write


def database_checks(settings: Settings) -> Iterator[Check]:
    """Look at the database; a SQLite file that is not there yet is not made."""
    try:
        missing = _missing_file(settings.database_url)
        if missing is not None:
            yield missing
            return
        engine = make_engine(settings.database_url, busy_timeout_s=LOCK_WAIT_S)
        try:
            yield from _checks(engine)
        finally:
            engine.dispose()
    except IngestError as error:
        yield red(AREA, "reachable", redact(str(error)), f"see docs/runbooks/{error.code}.md")


def _missing_file(address: str) -> Check | None:
    try:
        url = make_url(address)
    except ArgumentError:
        return red(AREA, "address", "DATABASE_URL is not an address", "see DATABASE_URL in docs/settings.md")
    if url.get_backend_name() != "sqlite" or (path := sqlite_path(url)).exists():
        return None
    nearest = next(folder for folder in path.absolute().parents if folder.exists())
    if not _is_writable(nearest):
        return red(AREA, "file", f"{path} is missing and cannot be made", f"make {nearest} writable for this user")
    return yellow(AREA, "file", f"{path} is not there yet", "nothing to do: the first worker or import makes it")


def _checks(engine: Engine) -> Iterator[Check]:
    found = current_revision(engine)
    yield green(AREA, "reachable", engine.dialect.name)
    if found:
        mend = "start a worker of this release, or run `python -m src.store.migrate`"
        yield judged(AREA, "schema", is_ok=found == HEAD, found=f"{found}, this release has {HEAD}", mend=mend)
    else:
        yield yellow(AREA, "schema", "none yet", "nothing to do: the first worker or import makes it")
    yield _writable(engine)
    yield _full_text(engine)


def _writable(engine: Engine) -> Check:
    try:
        with translated(), engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("COMMIT")  # SQLAlchemy has sent a BEGIN that takes no lock
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                connection.exec_driver_sql("ROLLBACK")
                connection.exec_driver_sql("BEGIN")
                is_ok = True
            else:
                is_ok = connection.execute(text("SHOW transaction_read_only")).scalar() == "off"
    except IngestError as error:
        return red(AREA, "writable", redact(str(error)), f"see docs/runbooks/{error.code}.md")
    return judged(AREA, "writable", is_ok=is_ok, found="yes" if is_ok else "read-only", mend="connect to the primary")


def _full_text(engine: Engine) -> Check:
    if engine.dialect.name != "sqlite":
        return green(AREA, "full-text search", "tsvector")
    with translated(), engine.connect() as connection:
        has_it = bool(connection.execute(text("SELECT sqlite_compileoption_used('ENABLE_FTS5')")).scalar())
    mend = "use a Python whose sqlite3 is built with FTS5 (Debian's is), or PostgreSQL"
    return judged(AREA, "full-text search", is_ok=has_it, found="FTS5" if has_it else "FTS5 is missing", mend=mend)


def _is_writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)
