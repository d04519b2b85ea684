"""Bring a database's schema to the one this release works with. `python -m src.store.migrate` does it by hand.

Several processes may do so at once: the first holds a lock, the others wait and find it done. Each step runs in one
transaction, so that a crash leaves the old schema whole.
"""

import sys
from pathlib import Path

from sqlalchemy import Engine, inspect, text
from sqlalchemy.engine import Connection

from config.settings import SettingsError, load
from src.common.errors import DatabaseSchemaError, IngestError
from src.store.engine import make_engine
from src.store.faults import translated

HEAD = "0003"  # the newest revision in src/store/migrations/versions
_LOCK_ID = 7_309_453_215  # of PostgreSQL's advisory lock: any number, the same in every release
_NEWER = (
    "the database was made by a newer release (schema {found}, this one knows up to {known}): "
    "upgrade this program, or restore the backup made before"
)
_FOREIGN = (
    "the database holds tables of another program ({name}) and no schema of ours: give DATABASE_URL one of its own"
)


def current_revision(engine: Engine) -> str:
    """Return the schema's revision; empty for a new database."""
    with translated(), engine.connect() as connection:
        return _revision(connection)


def migrate(engine: Engine) -> bool:
    """Bring the schema to `HEAD`; return whether anything was to do. Raises DatabaseSchemaError when it is newer."""
    found = current_revision(engine)
    if found == HEAD:
        return False
    _refuse_newer(found)
    with translated(), engine.connect() as connection:
        _lock(connection)
        found = _revision(connection)
        if found == HEAD:
            return False
        _refuse_newer(found)
        if not found:
            _refuse_foreign(connection)
        _upgrade(connection)
        connection.commit()
    return True


def _revision(connection: Connection) -> str:
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def _refuse_newer(found: str) -> None:
    if found > HEAD:
        raise DatabaseSchemaError(_NEWER.format(found=found, known=HEAD))


def _refuse_foreign(connection: Connection) -> None:
    if inspect(connection).has_table("raw_emails"):
        raise DatabaseSchemaError(_FOREIGN.format(name="raw_emails"))


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _LOCK_ID})
        return
    # SQLAlchemy has sent BEGIN; only a write takes the lock that keeps other processes out.
    connection.execute(text("SELECT 1"))
    connection.exec_driver_sql("COMMIT")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _upgrade(connection: Connection) -> None:
    # Alembic is loaded only when there is something to do: it doubles the start-up time.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def main() -> int:
    """Migrate the database of `DATABASE_URL`; exit code 0 when the schema is right, 1 when not, 2 for settings."""
    try:
        engine = make_engine(load().database_url)
        changed = migrate(engine)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except IngestError as error:
        sys.stderr.write(f"{error.code}: {error}\n")
        return 1
    sys.stdout.write(f"schema {HEAD}: {'migrated' if changed else 'nothing to do'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
