"""Full-text search on SQLite.

Newest first, three ways, the cheapest for how many mails match. Each takes milliseconds at 100,000 mails:
- few matches: they are looked up and sorted;
- many: the newest mails are taken, twice as many as should do, and those kept that are among the matches in that range
  of rows; rows written at about the same time lie together in the index;
- else, and where that finds too few: all matches are listed, and the mails walked from the newest until enough of them
  are on that list.
"""

from collections.abc import Sequence
from math import ceil

from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection

from src.store.bounds import clean
from src.store.faults import translated
from src.store.hits import MAX_HITS, load_hits
from src.store.protocol import SearchHit
from src.store.query import Query, Term, parse_query
from src.store.tags import CARRIES_TAG, newest_with

FEW_MATCHES = 2_000  # up to here sorting them is faster than walking the mails
TAKING_COST = 16  # taking one of the newest mails costs as much as listing so many matches
TAKEN_PER_NEEDED = 2  # so that chance, and mails marked deleted, seldom leave too few

# Of the latest rows that match: how many, at most `most`, the oldest of them, and the latest row of all.
_LATEST = text("""
    SELECT count(*), min(id), (SELECT max(id) FROM raw_emails) FROM (
        SELECT rowid AS id FROM mail_fts WHERE mail_fts MATCH :words ORDER BY rowid DESC LIMIT :most)""")
_CONDITION = f"""(:account IS NULL OR m.account = :account) AND (:with_deleted OR NOT m.is_deleted)
    AND (:tag IS NULL OR {CARRIES_TAG.format(id="m.id")})"""
_SORT = text(f"""
    SELECT m.id FROM mail_fts f JOIN raw_emails m ON m.id = f.rowid WHERE f.mail_fts MATCH :words AND {_CONDITION}
    ORDER BY m.received_at DESC, m.id DESC LIMIT :limit""")  # noqa: S608 - texts of our own
_WALK = """
    SELECT m.id FROM raw_emails m INDEXED BY {index}
    WHERE {account} m.id IN (SELECT rowid FROM mail_fts WHERE mail_fts MATCH :words)
    AND (:with_deleted OR NOT m.is_deleted) ORDER BY m.received_at DESC, m.id DESC LIMIT :limit"""
_WALK_ALL = text(_WALK.format(index="ix_raw_emails_received_at", account=""))
_WALK_ACCOUNT = text(_WALK.format(index="ix_raw_emails_account_received_at", account="m.account = :account AND"))
_NEWEST = """
    SELECT m.id FROM raw_emails m INDEXED BY {index} WHERE {account} (:with_deleted OR NOT m.is_deleted)
    ORDER BY m.received_at DESC, m.id DESC LIMIT :most"""
_NEWEST_ALL = text(_NEWEST.format(index="ix_raw_emails_received_at", account=""))
_NEWEST_ACCOUNT = text(_NEWEST.format(index="ix_raw_emails_account_received_at", account="m.account = :account AND"))
_IN_RANGE = text("SELECT rowid FROM mail_fts WHERE mail_fts MATCH :words AND rowid BETWEEN :first AND :last")
_RANK = text(f"""
    SELECT m.id FROM mail_fts f JOIN raw_emails m ON m.id = f.rowid WHERE f.mail_fts MATCH :words AND {_CONDITION}
    ORDER BY bm25(f.mail_fts, 4.0, 2.0, 1.0, 1.0), m.received_at DESC, m.id DESC LIMIT :limit""")  # noqa: S608


Values = dict[str, object]  # of a statement's parameters


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
        tag: str | None = None,
    ) -> list[SearchHit]:
        """See MailReader.search."""
        parsed, limit = parse_query(query), min(limit, MAX_HITS)
        if limit < 1 or not (parsed.wanted or (tag and not parsed.unwanted)):
            return []
        with translated(), self._engine.connect() as connection:
            if not parsed.wanted:
                ids: Sequence[int] = newest_with(
                    connection, tag or "", account, limit=limit, with_deleted=include_deleted
                )
                return load_hits(connection, parsed, ids)
            values: Values = {
                "words": match_expression(parsed),
                "account": None if account is None else clean(account),
                "tag": None if tag is None else clean(tag),
                "with_deleted": include_deleted,
                "limit": limit,
            }
            if order == "relevance":
                ids = connection.execute(_RANK, values).scalars().all()
            else:
                ids = _newest_first(connection, values, limit)
            return load_hits(connection, parsed, ids)


def _newest_first(connection: Connection, values: Values, limit: int) -> Sequence[int]:
    if values["tag"] is not None:  # few mails carry one, mostly; how many of the matches do is not known
        return connection.execute(_SORT, values).scalars().all()
    found = connection.execute(_LATEST, {"words": values["words"], "most": FEW_MATCHES + 1}).one()
    matches, oldest, latest = found
    if matches <= FEW_MATCHES:
        return connection.execute(_SORT, values).scalars().all()
    share = matches / (latest - oldest + 1)
    taken = ceil(limit / share) * TAKEN_PER_NEEDED
    if taken * TAKING_COST <= share * latest:
        ids = _among_newest(connection, values, taken)
        if len(ids) >= limit:
            return ids[:limit]
    return connection.execute(_WALK_ALL if values["account"] is None else _WALK_ACCOUNT, values).scalars().all()


def _among_newest(connection: Connection, values: Values, taken: int) -> list[int]:
    """Return which of the newest mails match, newest first; `taken` is how many mails are looked at."""
    newest = _NEWEST_ALL if values["account"] is None else _NEWEST_ACCOUNT
    ids = connection.execute(newest, {**values, "most": taken}).scalars().all()
    if not ids:
        return []
    limits = {"words": values["words"], "first": min(ids), "last": max(ids)}
    matching = set(connection.execute(_IN_RANGE, limits).scalars())
    return [id_ for id_ in ids if id_ in matching]


def match_expression(query: Query) -> str:
    """Return the FTS5 expression. Words hold letters and digits only, and are quoted: nothing in them is syntax."""
    wanted = " AND ".join(map(_match_term, query.wanted))
    if not query.unwanted:
        return wanted
    return f"({wanted}) NOT ({' OR '.join(map(_match_term, query.unwanted))})"


def _match_term(term: Term) -> str:
    return f'"{" ".join(term.words)}"{" *" if term.is_prefix else ""}'
