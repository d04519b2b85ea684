"""The one place where settings become objects. Commands call it; nothing else knows which part plays which role.

`open_…` returns something that the caller closes; `run_…` is the whole of a command, from opening to the exit code.
"""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from sqlalchemy.engine import make_url

from config.settings import Settings, SettingsError
from src.attachments import temp_files
from src.attachments.keep import keep
from src.auth.access_token import access_token_provider
from src.common import exit_codes
from src.common.beats import Beats
from src.common.clock import SystemClock
from src.common.errors import DatabaseUnavailableError, IngestError, TemporaryError
from src.common.exit_codes import exit_code_of
from src.common.late import Late
from src.common.logs import get_logger
from src.common.redis_check import require_usable
from src.common.redis_client import connect
from src.common.shutdown import Shutdown
from src.mail.parse import parse
from src.monitoring.collector import SharedStateCollector
from src.monitoring.exposition import MetricsServer, serve_metrics
from src.monitoring.health import HealthServer
from src.monitoring.status import StoreView, StreamView, gather_status
from src.monitoring.status_json import as_json
from src.producer.board import MailboxReport
from src.producer.build import ProducerOptions
from src.producer.build import build as build_producer
from src.producer.dry_run import dry_run
from src.producer.late_store import LateStore, NothingKnown
from src.producer.producer import exit_code
from src.producer.progress import say_left_behind, shown
from src.producer.worker_alongside import WorkerCommand, worker_alongside
from src.sources.imap.visit import KnownMails
from src.sources.registry import SOURCES
from src.sources.request import SourceRequest
from src.sources.source import Source
from src.store.engine import sqlite_path
from src.store.opening import open_store as open_store_at
from src.store.protocol import Store
from src.stream.options import options_from
from src.stream.redis_stream import RedisStream
from src.worker.build import build as build_worker
from src.worker.prepare import Prepare
from src.worker.processes import PARENT_VARIABLE

log = get_logger(__name__)

WORKER_PROGRAM = Path(__file__).resolve().parents[1] / "worker.py"
WORKER_BLOCK_MS = "200"  # of the worker beside an import: it ends soon once all is done
OPEN_RETRY_S = 2.0  # between looks for a service that is away when a long-running producer starts
SWITCH_INTERVAL_S = 0.0005  # of Python's threads: a publisher back from Redis waits no 5 ms for the fetching thread

EXPORTER_TICK_S = 1.0  # how often the exporter looks up; it works in threads of its own

Closeable = MetricsServer | HealthServer
Opened = TypeVar("Opened")

# --- what commands share ---------------------------------------------------------------------------------------------


class OpenStream(RedisStream):
    """The stream, with the connections it owns."""

    def close(self) -> None:
        """Close all connections. May be called twice."""
        self._connection.close()


def open_stream(settings: Settings, *, name: str = "email-ingestion") -> OpenStream:
    """Return the stream, on a Redis that is fit to hold mail; `name` is shown by CLIENT LIST.

    Raises RedisUnavailableError, or RedisMisconfiguredError when mail would be lost there.
    """
    connection = connect(settings, name=name)
    try:
        for finding in require_usable(connection.commands):
            log.warning("redis_finding", finding=". ".join((finding.text, finding.remedy)))
    except BaseException:
        connection.close()
        raise
    return OpenStream(connection, options_from(settings))


def open_store(settings: Settings, *, may_migrate: bool = True) -> Store:
    """Return the database, brought up to date. Raises DatabaseUnavailableError or DatabaseSchemaError."""
    return open_store_at(settings.database_url, may_migrate=may_migrate)


def open_sources(
    settings: Settings,
    *,
    kind: str,
    account: str,
    known: KnownMails,
    stream: RedisStream,
    path: Path | None = None,
    batch_mails: int = 200,
) -> Sequence[Source]:
    """Return a source for each mailbox; `kind` is a name of `SOURCES`, `path` is for those that read files."""
    if kind not in SOURCES:
        raise SettingsError(f"SOURCE={kind} is not a source of this release; it has {', '.join(SOURCES)}")
    clock = SystemClock()
    tokens = access_token_provider(settings, clock)
    return SOURCES[kind](SourceRequest(settings, account, known, stream, clock, batch_mails, path, tokens))


def serve(
    settings: Settings,
    *,
    metrics_port: int,
    health_port: int,
    beats: Beats,
    stream: StreamView,
    store: StoreView,
    more_status: Callable[[], dict[str, object]] = dict,
) -> list[Closeable]:
    """Serve a process's metrics and health; port 0 serves none. A port that is taken is logged and left out.

    `more_status` is what the process adds to `/status`.
    """
    clock = SystemClock()
    shared = SharedStateCollector(
        stream_stats=stream.stats, store_stats=store.stats, sync_states=store.sync_states, clock=clock
    )

    def status() -> dict[str, object]:
        report = gather_status(lambda: stream, lambda: store, clock=clock)
        return {**as_json(report, with_names=False), **more_status()}

    def health() -> HealthServer:
        server = HealthServer(address=settings.bind_address, port=health_port, beats=beats, status=status)
        server.start()
        return server

    wanted: list[tuple[int, Callable[[], Closeable]]] = [
        (metrics_port, partial(serve_metrics, address=settings.bind_address, port=metrics_port, shared=shared)),
        (health_port, health),
    ]
    served = (_if_free(port, start) for port, start in wanted if port)
    return [server for server in served if server is not None]


def _if_free(port: int, start: Callable[[], Closeable]) -> Closeable | None:
    try:
        return start()
    except OSError as error:  # a second worker on this machine: it works all the same
        log.warning("port_not_served", port=port, error=error.strerror)
        return None


# --- the exporter ----------------------------------------------------------------------------------------------------


def run_exporter(settings: Settings) -> int:
    """Serve the metrics of Redis and the database until a stop is asked for, whether they answer or not."""
    shutdown = Shutdown()
    shutdown.listen()
    with ExitStack() as closing:
        stream = Late(lambda: open_stream(settings, name="exporter"), OpenStream.close)
        store = Late(lambda: _open_existing_store(settings), lambda opened: opened.close())
        closing.callback(stream.close)
        closing.callback(store.close)
        shared = SharedStateCollector(
            stream_stats=lambda: stream.get().stats(),
            store_stats=lambda: store.get().stats(),
            sync_states=lambda: store.get().sync_states(),
            clock=SystemClock(),
        )
        address, port = settings.bind_address, settings.producer_metrics_port
        try:
            server = serve_metrics(address=address, port=port, shared=shared)
        except OSError as error:
            raise SettingsError(
                f"PRODUCER_METRICS_PORT={port} cannot be served ({error.strerror}): a producer on this machine serves "
                "the same metrics there already; else choose another port"
            ) from error
        closing.callback(server.close)
        while not shutdown.wait(EXPORTER_TICK_S):
            pass
    return exit_codes.OK


# --- the worker ------------------------------------------------------------------------------------------------------


def run_worker(settings: Settings, *, drain: bool = False) -> int:
    """Run a worker, watched and stoppable by signals, to its end; return the exit code.

    A Redis or database that is away at the start is waited for, unless `drain`.
    """
    clock, shutdown = SystemClock(), Shutdown()
    beats = Beats(clock)
    shutdown.listen()
    try:
        stream = _in_time(lambda: open_stream(settings, name="worker"), shutdown, once=drain)
        store = _in_time(lambda: open_store(settings), shutdown, once=drain)
    except IngestError as error:
        log.error("worker_not_started", code=error.code, error=str(error))
        return exit_code_of(error)
    if stream is None or store is None:
        return exit_codes.OK
    worker = build_worker(
        settings,
        stream=stream,
        store=store,
        prepare=Prepare(parse, keep),
        shutdown=shutdown,
        beats=beats,
        clock=clock,
        drain=drain,
        sweep=lambda: temp_files.sweep(temp_files.own_folder()),
        close_stream=stream.close,
    )
    served = serve(
        settings,
        metrics_port=settings.worker_metrics_port,
        health_port=settings.worker_health_port,
        beats=beats,
        stream=stream,
        store=store,
    )
    return worker.run(served)


# --- the producer ----------------------------------------------------------------------------------------------------


def run_producer(settings: Settings, console: Console, *, once: bool, batch_mails: int) -> int:
    """Read mail until a stop is asked for, or once to the end; return the exit code.

    Raises errors that keep it from starting. A Redis that is away is waited for, unless `once`.
    """
    clock, shutdown = SystemClock(), Shutdown()
    beats = Beats(clock)
    shutdown.listen()
    with ExitStack() as closing:
        stream = _in_time(lambda: open_stream(settings, name="producer"), shutdown, once=once)
        if stream is None:
            return exit_codes.OK
        closing.callback(stream.close)
        store = LateStore(lambda: open_store(settings))
        closing.callback(store.close)
        kind, account = _configured_source(settings)
        sources = _in_time(
            lambda: open_sources(
                settings, kind=kind, account=account, known=store, stream=stream, batch_mails=batch_mails
            ),
            shutdown,
            once=once,
        )
        if sources is None:
            return exit_codes.OK
        producer = build_producer(
            sources,
            options=_options(settings, once=once),
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
        return exit_codes.OK


def run_dry(settings: Settings, console: Console, *, batch_mails: int) -> int:
    """Show what a producer would publish; change nothing. Return the exit code."""
    kind, account = _configured_source(settings)
    return _run_dry(settings, console, kind=kind, account=account, path=None, batch_mails=batch_mails)


def run_import_dry(settings: Settings, console: Console, *, kind: str, path: Path, account: str) -> int:
    """Show what an import would publish; change nothing. Return the exit code."""
    return _run_dry(settings, console, kind=kind, account=account, path=path, batch_mails=settings.batch_size)


def _run_dry(
    settings: Settings, console: Console, *, kind: str, account: str, path: Path | None, batch_mails: int
) -> int:
    shutdown = Shutdown()
    shutdown.listen()
    with ExitStack() as closing:
        known: LateStore | NothingKnown = NothingKnown()
        if _has_database(settings):
            known = LateStore(lambda: open_store(settings, may_migrate=False))
            closing.callback(known.close)
        stream = open_stream(settings, name="dry-run")
        closing.callback(stream.close)
        sources = open_sources(
            settings, kind=kind, account=account, known=known, stream=stream, path=path, batch_mails=batch_mails
        )
        is_whole = dry_run(sources, stream.load_cursor, shutdown=shutdown, console=console)
    return exit_codes.OK if is_whole else exit_codes.INCOMPLETE


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """How an import ended."""

    reports: list[MailboxReport]
    newly_dead: int  # dead letters more than before, of whatever was worked on meanwhile
    exit_code: int


def run_import(
    settings: Settings, console: Console, *, kind: str, path: Path, account: str, with_worker: bool = False
) -> ImportOutcome:
    """Put the mails of a file or folder on the stream, from where an earlier import stopped.

    Waits whenever the stream is full, and says so on `console`. `with_worker` runs a worker beside it, and returns when
    all is in the database.
    """
    clock, shutdown = SystemClock(), Shutdown()
    shutdown.listen()
    with ExitStack() as closing:
        stream = open_stream(settings, name="import")
        closing.callback(stream.close)
        store = LateStore(lambda: open_store(settings))
        closing.callback(store.close)
        producer = build_producer(
            open_sources(settings, kind=kind, account=account, known=store, stream=stream, path=path),
            options=_options(settings, once=True),
            stream=stream,
            states=store,
            shutdown=shutdown,
            beats=Beats(clock),
            clock=clock,
        )
        dead_before = stream.stats().dead
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        with shown(producer.board, console):
            if with_worker:
                with worker_alongside(_worker_command(), stream, shutdown) as worker:
                    producer.run()
                    is_stored = worker.finish()
            else:
                producer.run()
                is_stored = True  # by other workers, later
        newly_dead = stream.stats().dead - dead_before
    reports = producer.board.reports()
    code = exit_code(reports)
    if code == exit_codes.OK and (newly_dead > 0 or not is_stored):
        code = exit_codes.INCOMPLETE
    return ImportOutcome(reports, newly_dead, code)


def _configured_source(settings: Settings) -> tuple[str, str]:
    """Return kind and account of what `producer.py` reads."""
    if settings.use_gmail_api or settings.source == "gmail":
        return "gmail", settings.gmail_user or settings.imap_user
    return "imap", settings.imap_user


def _options(settings: Settings, *, once: bool) -> ProducerOptions:
    return ProducerOptions(
        poll_interval_s=settings.imap_poll_interval_seconds,
        lease_s=settings.lease_seconds,
        grace_s=settings.shutdown_grace_seconds,
        once=once,
        most_entries=options_from(settings).entries_per_partition,
    )


def _in_time(open_it: Callable[[], Opened], shutdown: Shutdown, *, once: bool) -> Opened | None:
    """Return what `open_it` opens, as soon as its service answers; None if a stop is asked for before.

    With `once` the first answer counts, and an error is raised.
    """
    while not shutdown.is_asked:
        try:
            return open_it()
        except TemporaryError as error:
            if once:
                raise
            log.warning("service_awaited", code=error.code, error=str(error))
            shutdown.wait(OPEN_RETRY_S)
    return None


def _worker_command() -> WorkerCommand:
    ports = {"WORKER_METRICS_PORT": "0", "WORKER_HEALTH_PORT": "0"}
    environment = {PARENT_VARIABLE: str(os.getpid()), "BLOCK_TIMEOUT_MS": WORKER_BLOCK_MS, **ports}
    return WorkerCommand([sys.executable, str(WORKER_PROGRAM)], environment)


def _open_existing_store(settings: Settings) -> Store:
    if not _has_database(settings):
        raise DatabaseUnavailableError("there is no database yet: start a worker, it makes one")
    return open_store(settings, may_migrate=False)


def _has_database(settings: Settings) -> bool:
    """Tell whether there is a database to look at; looking must not make one."""
    url = make_url(settings.database_url)
    return url.get_backend_name() != "sqlite" or sqlite_path(url).is_file()
