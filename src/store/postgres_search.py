"""Full-text search on PostgreSQL, on the narrow table `mail_search` and its GIN index.

The matches of the index are looked up in the narrow table and sorted: some 30 ms even if every one of 100,000 mails
matches. The planner must not read the words of each mail instead, which takes seconds; it does not know what they cost.
"""

from sqlalchemy import Engine, text

from src.store.bounds import clean
from src.store.faults import translated
from src.store.hits import MAX_HITS, load_hits
from src.store.protocol import SearchHit
from src.store.query import Query, Term, parse_query
from src.store.tsvector import cut_word

_SEARCH = """
    SELECT email_id FROM mail_search, CAST(:words AS tsquery) AS wanted
    WHERE words @@ wanted {account} AND (:with_deleted OR NOT is_deleted)
    ORDER BY {order} received_at DESC NULLS LAST, email_id DESC LIMIT :limit"""
_RANK = "ts_rank('{0.25, 0.25, 0.5, 1.0}', words, wanted, 1) DESC,"  # weights of D to A; 1: long mails count less


class PostgresSearch:
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
        statement = _SEARCH.format(
            account="" if account is None else "AND account = :account", order=_RANK if order == "relevance" else ""
        )
        values: dict[str, object] = {
            "words": to_tsquery(parsed),
            "with_deleted": include_deleted,
            "limit": min(limit, MAX_HITS),
        }
        if account is not None:
            values["account"] = clean(account)
        with translated(), self._engine.connect() as connection:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            ids = list(connection.execute(text(statement), values).scalars())
            return load_hits(connection, parsed, ids)


def to_tsquery(query: Query) -> str:
    """Return the tsquery. Words hold letters and digits only, and are quoted: nothing in them is syntax."""
    parts = [_match_term(term) for term in query.wanted] + [f"!{_match_term(term)}" for term in query.unwanted]
    return " & ".join(parts)


def _match_term(term: Term) -> str:
    words = [f"'{cut_word(word.encode()).decode()}'" for word in term.words]
    return f"({' <-> '.join(words)}{':*' if term.is_prefix else ''})"
