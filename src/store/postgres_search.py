"""Full-text search on PostgreSQL, on the narrow table `mail_search` and its GIN index.

The matches of the index are looked up in the narrow table and sorted: some 30 ms even if every one of 100,000 mails
matches. The planner must not read the words of each mail instead, which takes seconds; it does not know what they cost.
"""

from sqlalchemy import Engine, TextClause, text

from src.store.bounds import clean
from src.store.faults import translated
from src.store.hits import MAX_HITS, load_hits
from src.store.protocol import SearchHit
from src.store.query import Query, Term, parse_query
from src.store.tags import CARRIES_TAG, newest_with
from src.store.tsvector import cut_word

_SEARCH = """
    SELECT s.email_id FROM mail_search s, CAST(:words AS tsquery) AS wanted
    WHERE words @@ wanted {account} {tag} AND (:with_deleted OR NOT is_deleted)
    ORDER BY {order} received_at DESC NULLS LAST, s.email_id DESC LIMIT :limit"""
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
        tag: str | None = None,
    ) -> list[SearchHit]:
        """See MailReader.search."""
        parsed, limit = parse_query(query), min(limit, MAX_HITS)
        if limit < 1 or not (parsed.wanted or (tag and not parsed.unwanted)):
            return []
        with translated(), self._engine.connect() as connection:
            if parsed.wanted:
                connection.execute(text("SET LOCAL enable_seqscan = off"))
                statement = _statement(account, tag, order)
                values = {"words": to_tsquery(parsed), "with_deleted": include_deleted, "limit": limit}
                ids = list(connection.execute(statement, {**values, **_names(account, tag)}).scalars())
            else:
                ids = newest_with(connection, tag or "", account, limit=limit, with_deleted=include_deleted)
            return load_hits(connection, parsed, ids)


def _statement(account: str | None, tag: str | None, order: str) -> TextClause:
    return text(
        _SEARCH.format(
            account="" if account is None else "AND account = :account",
            tag="" if tag is None else f"AND {CARRIES_TAG.format(id='s.email_id')}",
            order=_RANK if order == "relevance" else "",
        )
    )


def _names(account: str | None, tag: str | None) -> dict[str, str]:
    """Return those that are asked for; a parameter of no known type cannot be NULL."""
    return {name: clean(value) for name, value in (("account", account), ("tag", tag)) if value is not None}


def to_tsquery(query: Query) -> str:
    """Return the tsquery. Words hold letters and digits only, and are quoted: nothing in them is syntax."""
    parts = [_match_term(term) for term in query.wanted] + [f"!{_match_term(term)}" for term in query.unwanted]
    return " & ".join(parts)


def _match_term(term: Term) -> str:
    words = [f"'{cut_word(word.encode()).decode()}'" for word in term.words]
    return f"({' <-> '.join(words)}{':*' if term.is_prefix else ''})"
