"""Dry runs, put together: `producer.py --dry-run`, and that of an import."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from rich.console import Console

from config.account import Account
from config.settings import Settings
from src.assembly.services import has_database, open_account, open_sources, open_store, open_stream
from src.common.shutdown import Shutdown
from src.producer.dry_run import Reading, dry_run
from src.producer.late_store import LateStore, NothingKnown
from src.sources.imap.visit import KnownMails
from src.stream.redis_stream import RedisStream


def run_dry(settings: Settings, accounts: Sequence[Account], console: Console, *, batch_mails: int) -> int:
    """Show what a producer would publish; change nothing. Return the exit code.

    An account that cannot be opened is told with the others, unless it is the only one: then its error is raised.
    """
    with ExitStack() as closing:
        known, stream = _opened(settings, closing)
        readings = [
            Reading(
                account.name,
                ",".join(account.mailboxes),
                partial(open_account, account, known=known, stream=stream, batch_mails=batch_mails),
            )
            for account in accounts
        ]
        return dry_run(readings, stream.load_cursor, shutdown=_listening(), console=console)


def look_dry(
    settings: Settings, console: Console, *, kind: str, account: str, path: Path | None, batch_mails: int
) -> int:
    """Show what an import would publish; change nothing. Return the exit code."""
    with ExitStack() as closing:
        known, stream = _opened(settings, closing)
        sources = open_sources(
            settings, kind=kind, account=account, known=known, stream=stream, path=path, batch_mails=batch_mails
        )
        reading = Reading(account, "", lambda: sources)
        return dry_run([reading], stream.load_cursor, shutdown=_listening(), console=console)


def _opened(settings: Settings, closing: ExitStack) -> tuple[KnownMails, RedisStream]:
    """Return the database, if there is one, and the stream."""
    known: LateStore | NothingKnown = NothingKnown()
    if has_database(settings):
        known = LateStore(lambda: open_store(settings, may_migrate=False))
        closing.callback(known.close)
    stream = open_stream(settings, name="dry-run")
    closing.callback(stream.close)
    return known, stream


def _listening() -> Shutdown:
    shutdown = Shutdown()
    shutdown.listen()
    return shutdown
