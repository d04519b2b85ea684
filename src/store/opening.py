"""Open the database of an address: make the engine, bring the schema up to date, put the store together.

A store may be shared by threads: every call takes a connection of its own from the pool. Processes may not share one:
open it after the fork.
"""

from sqlalchemy import Engine

from src.common.clock import Clock, SystemClock
from src.common.errors import DatabaseSchemaError
from src.model.message import Decide
from src.store.decided import as_told
from src.store.engine import BUSY_TIMEOUT_S, make_engine
from src.store.migrate import HEAD, current_revision, migrate
from src.store.protocol import Store
from src.store.store import SqlStore


def open_store(
    url: str,
    *,
    clock: Clock | None = None,
    busy_timeout_s: float = BUSY_TIMEOUT_S,
    may_migrate: bool = True,
    decide: Decide = as_told,
) -> Store:
    """Open the database at `url`, an SQLAlchemy address. The schema is made or brought up to date first.

    With `may_migrate` False a schema that is not up to date raises DatabaseSchemaError instead: for looking only.
    `decide` is asked where a mail's attachments end other than the record that brings them says.
    """
    engine = make_engine(url, busy_timeout_s=busy_timeout_s)
    try:
        if may_migrate:
            migrate(engine)
        else:
            _check(engine)
    except BaseException:
        engine.dispose()
        raise
    return SqlStore(engine, clock or SystemClock(), decide)


def _check(engine: Engine) -> None:
    found = current_revision(engine)
    if found != HEAD:
        raise DatabaseSchemaError(
            f"expected schema {HEAD}, found {found or 'none'}: run python -m src.store.migrate with this release"
        )
