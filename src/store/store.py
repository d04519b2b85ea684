"""The store: reading and sync states are the same on both databases, writing and searching are each one's own."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from src.common.clock import Clock
from src.model.message import Decide, Record
from src.store.attachments import AttachmentTable
from src.store.decided import as_told
from src.store.faults import translated
from src.store.postgres_search import PostgresSearch
from src.store.protocol import SearchHit
from src.store.reader import Reader
from src.store.sqlite_search import SqliteSearch
from src.store.sqlite_writer import SqliteWriter
from src.store.sync_states import SyncStateTable

if TYPE_CHECKING:
    from src.store.postgres_writer import PostgresWriter


class SqlStore(Reader, AttachmentTable, SyncStateTable):
    """Plays Store. Threads may share it; see `open_store` for processes."""

    def __init__(self, engine: Engine, clock: Clock, decide: Decide = as_told) -> None:
        Reader.__init__(self, engine)
        AttachmentTable.__init__(self, engine)
        SyncStateTable.__init__(self, engine, clock)
        self._writer = _writer(engine, clock, decide)
        self._search = SqliteSearch(engine) if engine.dialect.name == "sqlite" else PostgresSearch(engine)

    def write(self, records: Sequence[Record]) -> None:
        """See MailWriter.write."""
        self._writer.write(records)

    def index_pending(self, limit: int) -> int:
        """See MailWriter.index_pending."""
        return self._writer.index_pending(limit)

    def search(
        self,
        query: str,
        *,
        account: str | None = None,
        limit: int = 50,
        include_deleted: bool = False,
        order: str = "newest",
        tag: str | None = None,
    ) -> list[SearchHit]:
        """See MailReader.search."""
        return self._search.search(
            query, account=account, limit=limit, include_deleted=include_deleted, order=order, tag=tag
        )

    def close(self) -> None:
        """See MailWriter.close. On SQLite the last connection to close writes the WAL back into the file."""
        with translated():
            self._engine.dispose()


def _writer(engine: Engine, clock: Clock, decide: Decide) -> "SqliteWriter | PostgresWriter":
    if engine.dialect.name == "sqlite":
        return SqliteWriter(engine, clock, decide)
    from src.store.postgres_writer import PostgresWriter  # loads psycopg, 9 MB that SQLite need not have

    return PostgresWriter(engine, clock, decide)
