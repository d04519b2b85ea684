"""The producer, put together: `producer.py`, and its dry run."""

import sys
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from config.settings import Settings
from src.assembly.services import OpenStream, has_database, in_time, open_sources, open_store, open_stream, serve
from src.common import exit_codes
from src.common.beats import Beats
from src.common.clock import SystemClock
from src.common.shutdown import Shutdown
from src.producer.build import ProducerOptions
from src.producer.build import build as build_producer
from src.producer.dry_run import dry_run
from src.producer.late_store import LateStore, NothingKnown
from src.producer.producer import exit_code, is_broken
from src.producer.progress import say_left_behind, say_published, shown
from src.producer.pushes import Pushes
from src.stream.options import options_from
from src.sync.hints import Hints

SWITCH_INTERVAL_S = 0.0001  # of Python's threads: a publisher back from Redis or zstd must not wait 5 ms for the reader


def run_producer(
    settings: Settings, console: Console, *, once: bool, batch_mails: int, compares_first: bool = False
) -> int:
    """Read mail until a stop is asked for, or once to the end; return the exit code.

    `compares_first`: each mailbox is compared with the database as a whole before anything else.
    Raises errors that keep it from starting. A Redis that is away is waited for, unless `once`.
    """
    clock, shutdown = SystemClock(), Shutdown()
    beats = Beats(clock)
    shutdown.listen()
    with ExitStack() as closing:
        stream = in_time(lambda: open_stream(settings, name="producer"), shutdown, once=once)
        if stream is None:
            return exit_codes.OK
        closing.callback(stream.close)
        store = LateStore(lambda: open_store(settings))
        closing.callback(store.close)
        pushes = None if once else _open_pushes(settings, stream, closing)
        kind, account = configured_source(settings)
        sources = in_time(
            lambda: open_sources(
                settings,
                kind=kind,
                account=account,
                known=store,
                stream=stream,
                batch_mails=batch_mails,
                pushes=pushes,
                compares_first=compares_first,
            ),
            shutdown,
            once=once,
        )
        if sources is None:
            return exit_codes.OK
        producer = build_producer(
            sources,
            options=producer_options(settings, once=once),
            stream=stream,
            states=store,
            shutdown=shutdown,
            beats=beats,
            clock=clock,
        )
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        if once:
            with shown(producer.board, console):
                producer.run()
            reports = producer.board.reports()
            say_published(reports, console)
            say_left_behind(reports, console)
            return exit_code(reports)
        served = serve(
            settings,
            metrics_port=settings.producer_metrics_port,
            health_port=settings.producer_health_port,
            beats=beats,
            stream=stream,
            store=store,
            more_status=lambda: {"mailboxes": producer.board.status()},
        )
        for server in served:
            closing.callback(server.close)
        producer.run()
        return exit_codes.INTERNAL if is_broken(producer.board.reports()) else exit_codes.OK


def _open_pushes(settings: Settings, stream: OpenStream, closing: ExitStack) -> Pushes:
    pushes = Pushes(Hints(stream.connection, prefix=settings.redis_stream_name), clock=SystemClock())
    closing.callback(pushes.close)
    return pushes


def run_dry(settings: Settings, console: Console, *, batch_mails: int) -> int:
    """Show what a producer would publish; change nothing. Return the exit code."""
    kind, account = configured_source(settings)
    return look_dry(settings, console, kind=kind, account=account, path=None, batch_mails=batch_mails)


def look_dry(
    settings: Settings, console: Console, *, kind: str, account: str, path: Path | None, batch_mails: int
) -> int:
    shutdown = Shutdown()
    shutdown.listen()
    with ExitStack() as closing:
        known: LateStore | NothingKnown = NothingKnown()
        if has_database(settings):
            known = LateStore(lambda: open_store(settings, may_migrate=False))
            closing.callback(known.close)
        stream = open_stream(settings, name="dry-run")
        closing.callback(stream.close)
        sources = open_sources(
            settings, kind=kind, account=account, known=known, stream=stream, path=path, batch_mails=batch_mails
        )
        return dry_run(sources, stream.load_cursor, shutdown=shutdown, console=console)


def configured_source(settings: Settings) -> tuple[str, str]:
    """Return kind and account of what `producer.py` reads."""
    if settings.use_gmail_api or settings.source == "gmail":
        return "gmail", settings.gmail_user or settings.imap_user
    return "imap", settings.imap_user


def producer_options(settings: Settings, *, once: bool) -> ProducerOptions:
    return ProducerOptions(
        poll_interval_s=settings.imap_poll_interval_seconds,
        lease_s=settings.lease_seconds,
        grace_s=settings.shutdown_grace_seconds,
        once=once,
        most_entries=options_from(settings).entries_per_partition,
    )
