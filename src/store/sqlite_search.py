"""Full-text search on SQLite.

Newest first, two ways: few matches are looked up and sorted; with many, the mails are walked from the newest and those
that match are picked, which ends as soon as there are enough. Either way takes milliseconds at 100,000 mails.
"""

from sqlalchemy import Engine, TextClause, text
from sqlalchemy.engine import Connection

from src.store.bounds import clean
from src.store.faults import translated
from src.store.hits import MAX_HITS, load_hits
from src.store.protocol import SearchHit
from src.store.query import Query, Term, parse_query

FEW_MATCHES = 2_000  # up to here sorting them is faster than walking the mails

_COUNT = text("SELECT count(*) FROM (SELECT 1 FROM mail_fts WHERE mail_fts MATCH :words LIMIT :most)")
_CONDITION = "(:account IS NULL OR m.account = :account) AND (:with_deleted OR NOT m.is_deleted)"
_SORT = text(f"""
    SELECT m.id FROM mail_fts f JOIN raw_emails m ON m.id = f.rowid WHERE f.mail_fts MATCH :words AND {_CONDITION}
    ORDER BY m.received_at DESC, m.id DESC LIMIT :limit""")  # noqa: S608 - texts of our own
_WALK = """
    SELECT m.id FROM raw_emails m INDEXED BY {index}
    WHERE {account} m.id IN (SELECT rowid FROM mail_fts WHERE mail_fts MATCH :words)
    AND (:with_deleted OR NOT m.is_deleted) ORDER BY m.received_at DESC, m.id DESC LIMIT :limit"""
_WALK_ALL = text(_WALK.format(index="ix_raw_emails_received_at", account=""))
_WALK_ACCOUNT = text(_WALK.format(index="ix_raw_emails_account_received_at", account="m.account = :account AND"))
_RANK = text(f"""
    SELECT m.id FROM mail_fts f JOIN raw_emails m ON m.id = f.rowid WHERE f.mail_fts MATCH :words AND {_CONDITION}
    ORDER BY bm25(f.mail_fts, 4.0, 2.0, 1.0, 1.0), m.received_at DESC, m.id DESC LIMIT :limit""")  # noqa: S608


class SqliteSearch:
    """Plays the search of MailReader."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def search(
        self,
        query: str,
        *,
        account: str | None = None,
        limit: int = 50,
        include_deleted: bool = False,
        order: str = "newest",
    ) -> list[SearchHit]:
        """See MailReader.search."""
        parsed = parse_query(query)
        if not parsed.wanted or limit < 1:
            return []
        values: dict[str, object] = {
            "words": match_expression(parsed),
            "account": None if account is None else clean(account),
            "with_deleted": include_deleted,
            "limit": min(limit, MAX_HITS),
        }
        with translated(), self._engine.connect() as connection:
            statement = _RANK if order == "relevance" else _newest_first(connection, values)
            ids = list(connection.execute(statement, values).scalars())
            return load_hits(connection, parsed, ids)


def _newest_first(connection: Connection, values: dict[str, object]) -> TextClause:
    matches = connection.execute(_COUNT, {"words": values["words"], "most": FEW_MATCHES + 1}).scalar_one()
    if matches <= FEW_MATCHES:
        return _SORT
    return _WALK_ALL if values["account"] is None else _WALK_ACCOUNT


def match_expression(query: Query) -> str:
    """Return the FTS5 expression. Words hold letters and digits only, and are quoted: nothing in them is syntax."""
    wanted = " AND ".join(map(_match_term, query.wanted))
    if not query.unwanted:
        return wanted
    return f"({wanted}) NOT ({' OR '.join(map(_match_term, query.unwanted))})"


def _match_term(term: Term) -> str:
    return f'"{" ".join(term.words)}"{" *" if term.is_prefix else ""}'
