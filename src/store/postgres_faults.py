"""What psycopg's exceptions mean. Loaded only where psycopg is: 9 MB that a process on SQLite need not have."""

import re

import psycopg
import psycopg.errors

from src.common.errors import DatabaseRefusedError, DatabaseSchemaError, DatabaseUnavailableError, IngestError

_MEANING = {
    "53": "has no room or no memory left",
    "55": "holds a lock for too long",
    "40": "gave up this transaction for another's sake",
    "57": "is stopping, starting or cancelled the statement",
    "28": "refuses the user or password of DATABASE_URL",
    "3D": "has no database of the name in DATABASE_URL",
    "42501": "does not let this user do that: grant it the rights on the tables",
}


def meaning_of(error: Exception) -> IngestError:
    """Return the error of ours; the caller raises it `from` the original."""
    state = (error.sqlstate if isinstance(error, psycopg.Error) else "") or ""
    if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
        return DatabaseSchemaError(
            f"a table or column is missing in PostgreSQL ({state}): run python -m src.store.migrate"
        )
    if isinstance(error, psycopg.DataError | psycopg.IntegrityError) or state.startswith("54"):
        return DatabaseRefusedError(f"PostgreSQL refuses a row ({state or type(error).__name__})")
    for prefix, meaning in _MEANING.items():
        if state.startswith(prefix):
            return DatabaseUnavailableError(f"PostgreSQL {meaning} ({state})")
    return DatabaseUnavailableError(_no_answer(str(error)) if not state else f"PostgreSQL does not answer ({state})")


# What a failed connection says; libpq's text may name the user, so it is looked into, never passed on.
_REASONS = (
    ("password", "it refuses the user or password of DATABASE_URL"),
    ("refused", "the connection is refused: is it running?"),
    ("timeout", "it timed out: is the address right, or a firewall between?"),
    ("timed out", "it timed out: is the address right, or a firewall between?"),
    ("resolve", "the name of the host is unknown"),
    ("translate host", "the name of the host is unknown"),
    ("certificate", "its certificate is not trusted"),
)


def _no_answer(text: str) -> str:
    where = re.search(r'server at "([^"]+)"(?: \([^)]*\))?, port (\d+)', text)
    reason = next((said for word, said in _REASONS if word in text), "is it running and reachable?")
    return f"PostgreSQL{f' at {where[1]}:{where[2]}' if where else ''} does not answer: {reason}"
