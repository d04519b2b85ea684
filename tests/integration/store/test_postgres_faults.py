"""PostgreSQL in trouble: stopped and back, out of reach, locked, without rights."""

import signal

import psycopg
import pytest

from src.common.errors import DatabaseSchemaError, DatabaseUnavailableError
from src.store.opening import open_store
from tests.contracts.mail_records import added, numbered
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.services import free_port

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_a_server_that_goes_and_comes_back_costs_nothing(own_postgres: PostgresServer, how: signal.Signals) -> None:
    store = open_store(own_postgres.new_database())
    store.write(numbered(20))
    own_postgres.stop(how)
    with pytest.raises(DatabaseUnavailableError):
        store.write([added("late", 99)])
    with pytest.raises(DatabaseUnavailableError):
        store.search("common")

    own_postgres.start()

    store.write([added("late", 99)])
    assert store.stats().mails == 21
    store.close()


def test_a_server_out_of_reach_is_temporary() -> None:
    with pytest.raises(DatabaseUnavailableError, match="does not answer"):
        open_store(f"postgresql+psycopg://mail@127.0.0.1:{free_port()}/mail")


def test_a_database_that_does_not_exist_is_told(postgres_server: PostgresServer) -> None:
    with pytest.raises(DatabaseUnavailableError, match="PostgreSQL"):
        open_store(f"postgresql+psycopg://mail@127.0.0.1:{postgres_server.port}/no_such_database")


def test_a_cancelled_session_changes_nothing(postgres_url: str) -> None:
    store = open_store(postgres_url)
    store.write(numbered(3))
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'email-ingestion'"
        )

    store.write([added("late", 99)])  # the pool sees that its connection is gone, and opens another

    assert store.stats().mails == 4
    store.close()


def test_a_table_that_vanished_is_a_matter_of_the_schema(postgres_url: str) -> None:
    store = open_store(postgres_url)
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as other:
        other.execute("DROP TABLE mail_search")

    with pytest.raises(DatabaseSchemaError, match="missing"):
        store.write([added()])
    store.close()
