"""The schema: the migrations lead to the tables that the code names, and the errors of drivers become ours."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import psycopg
import psycopg.errors
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from src.common.errors import DatabaseRefusedError, DatabaseSchemaError, DatabaseUnavailableError, IngestError
from src.model.decision import Decision
from src.store import migrate
from src.store.engine import make_engine
from src.store.faults import as_ingest_error
from src.store.opening import open_store
from src.store.plan import CONTENT_COLUMNS, ROW_COLUMNS, STATE_COLUMNS
from src.store.tables import metadata, raw_emails
from tests.contracts.mail_records import ACCOUNT, added, make_attachment, make_message


def test_the_newest_migration_is_the_one_the_code_works_with() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).with_name("migrations")))

    assert ScriptDirectory.from_config(config).get_heads() == [migrate.HEAD]


def test_the_migrations_lead_to_the_tables_of_the_code(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'mail.db'}")
    migrate.migrate(engine)
    found = inspect(engine)

    for table in metadata.sorted_tables:
        columns = {column["name"]: column["nullable"] for column in found.get_columns(table.name)}
        assert columns == {column.name: bool(column.nullable) for column in table.columns}
        indexes = {index["name"]: index["column_names"] for index in found.get_indexes(table.name)}
        assert indexes == {str(index.name): [column.name for column in index.columns] for index in table.indexes}
        partial = {
            index["name"]: str(index["dialect_options"]["sqlite_where"])
            for index in found.get_indexes(table.name)
            if index.get("dialect_options")
        }
        assert partial == {str(index.name): str(index.info["where"]) for index in table.indexes if index.info}
    engine.dispose()


def test_every_column_of_a_mail_is_written() -> None:
    assert {"id", *ROW_COLUMNS} == {column.name for column in raw_emails.columns}
    assert set(ROW_COLUMNS) - set(STATE_COLUMNS) - set(CONTENT_COLUMNS) == {"account", "source_id", "created_at"}


def _sqlite_error(name: str, kind: type[sqlite3.Error] = sqlite3.OperationalError, text: str = "") -> sqlite3.Error:
    error = kind(text)
    error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (_sqlite_error("SQLITE_BUSY"), DatabaseUnavailableError),
        (_sqlite_error("SQLITE_BUSY_SNAPSHOT"), DatabaseUnavailableError),
        (_sqlite_error("SQLITE_FULL"), DatabaseUnavailableError),
        (_sqlite_error("SQLITE_IOERR_WRITE"), DatabaseUnavailableError),
        (_sqlite_error("SQLITE_ERROR", text="no such table: x"), DatabaseSchemaError),
        (_sqlite_error("SQLITE_ERROR", text="anything"), DatabaseUnavailableError),
        (_sqlite_error("SQLITE_TOOBIG", sqlite3.DataError), DatabaseRefusedError),
        (_sqlite_error("SQLITE_CONSTRAINT", sqlite3.IntegrityError), DatabaseRefusedError),
        (psycopg.errors.DiskFull(), DatabaseUnavailableError),
        (psycopg.errors.AdminShutdown(), DatabaseUnavailableError),
        (psycopg.errors.DeadlockDetected(), DatabaseUnavailableError),
        (psycopg.errors.LockNotAvailable(), DatabaseUnavailableError),
        (psycopg.errors.InsufficientPrivilege(), DatabaseUnavailableError),
        (psycopg.errors.UndefinedColumn(), DatabaseSchemaError),
        (psycopg.errors.ProgramLimitExceeded(), DatabaseRefusedError),
        (psycopg.errors.CharacterNotInRepertoire(), DatabaseRefusedError),
        (psycopg.errors.NotNullViolation(), DatabaseRefusedError),
        (psycopg.OperationalError("no connection"), DatabaseUnavailableError),
        (ValueError("unknown"), DatabaseUnavailableError),
    ],
)
def test_an_error_of_a_driver_becomes_one_of_ours(error: Exception, expected: type[IngestError]) -> None:
    assert type(as_ingest_error(error)) is expected


def test_texts_of_drivers_are_not_passed_on() -> None:
    error = psycopg.errors.StringDataRightTruncation("secret subject of a mail")

    assert "secret" not in str(as_ingest_error(error))


def test_what_schema_0001_stored_is_kept_and_can_be_read_anew(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'mail.db'}"
    _make_with_schema_0001(url)

    store = open_store(url)
    (before,) = store.export()
    assert [mail.source_id for mail in store.mails_to_read_again(ACCOUNT, way="2:x")] == ["INBOX/1/1"]
    reading = make_attachment("zeppelin", recipe="application/pdf 2:x")
    store.write([added(message=make_message(attachments=[reading]))])

    (after,) = store.export()
    assert (before["text"], after["text"]) == ("an old body", "an old body")
    assert [hit.source_id for hit in store.search("zeppelin body")] == ["INBOX/1/1"]
    assert store.search("harbour") == []  # what was read before is no longer found
    assert list(store.mails_to_read_again(ACCOUNT, way="2:x")) == []
    store.close()


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_what_was_stored_before_there_were_rules_gets_its_tags_when_it_is_fetched_anew(
    tmp_path: Path, revision: str
) -> None:
    url = f"sqlite:///{tmp_path / 'mail.db'}"
    _make_with_schema_0001(url)
    _upgrade(url, revision)

    store = open_store(url)
    assert [(mail["tags"], mail["rules"]) for mail in store.export()] == [([], [])]
    store.write([replace(added(), decision=Decision(tags=("quarantine",), rules=("infected mail",)))])

    assert [(mail["tags"], mail["rules"]) for mail in store.export()] == [(["quarantine"], ["infected mail"])]
    store.close()


def _make_with_schema_0001(url: str) -> None:
    _upgrade(url, "0001")
    engine = make_engine(url)
    with engine.begin() as connection:
        for statement in _MAIL_OF_SCHEMA_0001:
            connection.exec_driver_sql(statement, {"account": ACCOUNT})
    engine.dispose()


def _upgrade(url: str, revision: str) -> None:
    engine = make_engine(url)
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).with_name("migrations")))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


_MAIL_OF_SCHEMA_0001 = (
    """INSERT INTO raw_emails VALUES (1, :account, 'imap', 'INBOX/1/1', 'INBOX', 1, 1, 1, 1, -1, 0, 1, '[]', 't1', NULL,
        'm1@example.org', '', '[]', 'Minutes', 'bob@example.org', '{"to":["ada"],"cc":[],"bcc":[]}', 'an old body',
        'an old body', '', '{}', '[]', NULL, NULL, 100, 'aa', '2020-01-01 00:00:00.000000',
        '2020-01-01 00:00:00.000000', '2020-01-01 00:00:00.000000')""",
    """INSERT INTO email_attachments VALUES
        (1, 1, 0, 'plan.txt', 'text/plain', '', 1000, 'bb', 0, 'text', '', 'harbour', 0, '{}')""",
    """INSERT INTO mail_fts (rowid, subject, people, body, attachments)
        VALUES (1, 'minutes', 'bob@example.org ada', 'an old body', 'plan.txt\nharbour')""",
)
