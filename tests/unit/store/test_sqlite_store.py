"""SQLite plays the store."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from src.store.opening import open_store
from src.store.protocol import Store
from tests.contracts.store_attachments_contract import StoreAttachmentsContract
from tests.contracts.store_contract import StoreContract
from tests.contracts.store_decisions_contract import StoreDecisionsContract, decide
from tests.contracts.store_faults_contract import StoreFaultsContract
from tests.contracts.store_search_contract import StoreSearchContract


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "mail.db"


def updated_times(database: Path) -> Sequence[object]:
    connection = sqlite3.connect(database)
    try:
        return connection.execute("SELECT id, updated_at FROM raw_emails ORDER BY id").fetchall()
    finally:
        connection.close()


class TestSqliteStore(StoreContract):
    @pytest.fixture
    def store(self, database: Path) -> Iterator[Store]:
        opened = open_store(f"sqlite:///{database}")
        self.database = database
        yield opened
        opened.close()

    def updated_times(self, store: Store) -> Sequence[object]:
        return updated_times(self.database)


class TestSqliteAttachments(StoreAttachmentsContract):
    @pytest.fixture
    def store(self, database: Path) -> Iterator[Store]:
        opened = open_store(f"sqlite:///{database}")
        self.database = database
        yield opened
        opened.close()

    def indexed_words(self, store: Store, account: str) -> object:
        connection = sqlite3.connect(self.database)
        try:
            connection.execute("CREATE VIRTUAL TABLE temp.words USING fts5vocab('main', 'mail_fts', 'instance')")
            return connection.execute(
                "SELECT term, col, offset FROM temp.words JOIN raw_emails ON doc = id WHERE account = ? "
                "ORDER BY term, col, offset",
                (account,),
            ).fetchall()
        finally:
            connection.close()


class TestSqliteDecisions(StoreDecisionsContract):
    @pytest.fixture
    def store(self, database: Path) -> Iterator[Store]:
        opened = open_store(f"sqlite:///{database}", decide=decide)
        self.database = database
        yield opened
        opened.close()

    def updated_times(self, store: Store) -> Sequence[object]:
        return updated_times(self.database)


class TestSqliteSearch(StoreSearchContract):
    @pytest.fixture
    def store(self, database: Path) -> Iterator[Store]:
        opened = open_store(f"sqlite:///{database}")
        yield opened
        opened.close()


class TestSqliteFaults(StoreFaultsContract):
    @pytest.fixture
    def url(self, database: Path) -> str:
        return f"sqlite:///{database}"
