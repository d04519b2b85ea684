"""SQLite in trouble: locked, full, not writable, damaged, from another release. Nothing changes, and it says why."""

import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from src.common.errors import DatabaseSchemaError, DatabaseUnavailableError
from src.store.opening import open_store
from src.store.protocol import Store
from tests.contracts.mail_records import added, numbered
from tests.contracts.ugly_moments import start, write_on_a_small_disk


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "folder" / "mail.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{path}", busy_timeout_s=0.1)
    yield opened
    opened.close()


def test_the_database_is_for_its_owner_alone(store: Store, path: Path) -> None:
    store.write([added()])

    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_while_locked_writing_fails_as_temporary_and_reading_goes_on(store: Store, path: Path) -> None:
    store.write(numbered(3))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailableError, match="locked"):
            store.write([added("late", 9)])
        assert store.stats().mails == 3
        store.write(numbered(3))  # a repeat needs no lock
        other.execute("ROLLBACK")

    store.write([added("late", 9)])
    assert store.stats().mails == 4


def test_a_new_file_that_another_process_just_writes_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "mail.db"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")  # before the file has a WAL: SQLite refuses the switch at once
        release = threading.Timer(0.2, other.execute, ["ROLLBACK"])
        release.start()
        open_store(f"sqlite:///{path}", busy_timeout_s=10).close()
        release.join()

        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_new_file_that_stays_locked_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "mail.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailableError, match="locked"):
            open_store(f"sqlite:///{path}", busy_timeout_s=0.1)


def test_a_full_disk_is_temporary_and_costs_nothing(path: Path) -> None:
    process, pipe = start(write_on_a_small_disk, f"sqlite:///{path}", 3_000_000)

    assert pipe.poll(60)
    code, written = pipe.recv()
    assert code == "database_unavailable"
    assert pipe.poll(60)
    assert pipe.recv() == written + 100
    process.join(10)


def test_a_damaged_file_is_said_to_be_damaged(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"this is no database, but long enough to be looked at. " * 100)

    with pytest.raises(DatabaseUnavailableError, match="not an SQLite database"):
        open_store(f"sqlite:///{path}")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DatabaseUnavailableError, match="folder of DATABASE_URL"):
        open_store(f"sqlite:///{tmp_path / 'file' / 'mail.db'}")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "nonsense"])
def test_an_address_without_a_file_is_refused(url: str) -> None:
    with pytest.raises(DatabaseUnavailableError, match="DATABASE_URL"):
        open_store(url)


def test_a_schema_from_a_newer_release_is_left_alone(store: Store, path: Path) -> None:
    _execute(path, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(DatabaseSchemaError, match="newer release"):
        open_store(f"sqlite:///{path}")


def test_tables_of_another_program_are_left_alone(path: Path) -> None:
    path.parent.mkdir(parents=True)
    _execute(path, "CREATE TABLE raw_emails (id INTEGER)")

    with pytest.raises(DatabaseSchemaError, match="another program"):
        open_store(f"sqlite:///{path}")


def test_looking_only_makes_no_schema(path: Path) -> None:
    with pytest.raises(DatabaseSchemaError, match=r"src\.store\.migrate"):
        open_store(f"sqlite:///{path}", may_migrate=False)


def test_a_table_that_vanished_is_a_matter_of_the_schema(store: Store, path: Path) -> None:
    _execute(path, "DROP TABLE email_attachments")

    with pytest.raises(DatabaseSchemaError, match="missing"):
        store.stats()


def _execute(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()
