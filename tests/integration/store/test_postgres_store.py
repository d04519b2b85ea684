"""PostgreSQL plays the store."""

from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import create_engine, text

from src.store.opening import open_store
from src.store.protocol import Store
from tests.contracts.store_attachments_contract import StoreAttachmentsContract
from tests.contracts.store_contract import StoreContract
from tests.contracts.store_decisions_contract import StoreDecisionsContract, decide
from tests.contracts.store_faults_contract import StoreFaultsContract
from tests.contracts.store_search_contract import StoreSearchContract

pytestmark = pytest.mark.postgres


def updated_times(url: str) -> Sequence[object]:
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT id, updated_at, xmin::text FROM raw_emails ORDER BY id")).all()
    engine.dispose()
    return rows


class TestPostgresStore(StoreContract):
    @pytest.fixture
    def store(self, postgres_url: str) -> Iterator[Store]:
        opened = open_store(postgres_url)
        self.url = postgres_url
        yield opened
        opened.close()

    def updated_times(self, store: Store) -> Sequence[object]:
        return updated_times(self.url)


class TestPostgresAttachments(StoreAttachmentsContract):
    @pytest.fixture
    def store(self, postgres_url: str) -> Iterator[Store]:
        opened = open_store(postgres_url)
        self.url = postgres_url
        yield opened
        opened.close()

    def indexed_words(self, store: Store, account: str) -> object:
        engine = create_engine(self.url)
        wanted = text("SELECT words::text, is_deleted, received_at FROM mail_search WHERE account = :account")
        with engine.connect() as connection:
            rows = connection.execute(wanted, {"account": account}).all()
        engine.dispose()
        return rows


class TestPostgresDecisions(StoreDecisionsContract):
    @pytest.fixture
    def store(self, postgres_url: str) -> Iterator[Store]:
        opened = open_store(postgres_url, decide=decide)
        self.url = postgres_url
        yield opened
        opened.close()

    def updated_times(self, store: Store) -> Sequence[object]:
        return updated_times(self.url)


class TestPostgresSearch(StoreSearchContract):
    @pytest.fixture
    def store(self, postgres_url: str) -> Iterator[Store]:
        opened = open_store(postgres_url)
        yield opened
        opened.close()


class TestPostgresFaults(StoreFaultsContract):
    @pytest.fixture
    def url(self, postgres_url: str) -> str:
        return postgres_url
