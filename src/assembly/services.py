"""What the settings name, opened: stream, database and sources; and the ports on which a process can be watched.

Each `open_…` returns something that the caller closes.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlalchemy.engine import make_url

from config.account import Account
from config.settings import Settings, SettingsError
from src.common.beats import Beats
from src.common.clock import SystemClock
from src.common.errors import DatabaseUnavailableError, TemporaryError
from src.common.logs import get_logger
from src.common.redis_check import require_usable
from src.common.redis_client import RedisConnection, connect
from src.common.shutdown import Shutdown
from src.model.message import Decide
from src.monitoring.collector import SharedStateCollector
from src.monitoring.exposition import MetricsServer, serve_metrics
from src.monitoring.health import HealthServer
from src.monitoring.status import StoreView, StreamView, gather_status
from src.monitoring.status_json import as_json
from src.sources.imap.visit import KnownMails
from src.sources.registry import SOURCES
from src.sources.request import AccessTokens, PushHints, SourceRequest
from src.sources.source import Source
from src.store.decided import as_told
from src.store.engine import sqlite_path
from src.store.opening import open_store as open_store_at
from src.store.protocol import Store
from src.stream.options import options_from
from src.stream.redis_stream import RedisStream

log = get_logger(__name__)

OPEN_RETRY_S = 2.0  # between looks for a service that is away when a long-running process starts

Closeable = MetricsServer | HealthServer
Opened = TypeVar("Opened")


class OpenStream(RedisStream):
    """The stream, with the connections it owns."""

    @property
    def connection(self) -> RedisConnection:
        """Its connections, for what else waits on this Redis."""
        return self._connection

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


def open_store(settings: Settings, *, may_migrate: bool = True, decide: Decide = as_told) -> Store:
    """Return the database, brought up to date. Raises DatabaseUnavailableError or DatabaseSchemaError."""
    return open_store_at(settings.database_url, may_migrate=may_migrate, decide=decide)


def open_account(
    account: Account,
    *,
    known: KnownMails,
    stream: RedisStream,
    batch_mails: int,
    compares_first: bool = False,
    pushes: PushHints | None = None,
) -> Sequence[Source]:
    """Return a source for each mailbox of an account; `compares_first` and `pushes` as in `open_sources`."""
    return open_sources(
        account.settings,
        kind=account.kind,
        account=account.name,
        known=known,
        stream=stream,
        batch_mails=batch_mails,
        compares_first=compares_first,
        pushes=pushes,
    )


def open_sources(
    settings: Settings,
    *,
    kind: str,
    account: str,
    known: KnownMails,
    stream: RedisStream,
    path: Path | None = None,
    batch_mails: int = 200,
    compares_first: bool = False,
    pushes: PushHints | None = None,
) -> Sequence[Source]:
    """Return a source for each mailbox; `kind` is a name of `SOURCES`, `path` is for those that read files.

    `compares_first`: their first look compares the whole mailbox with the database. `pushes` wakes those that wait for
    news; None: they are only polled.
    """
    if kind not in SOURCES:
        raise SettingsError(f"SOURCE={kind} is not a source of this release; it has {', '.join(SOURCES)}")
    clock = SystemClock()
    needs_token = kind == "gmail" or (kind == "imap" and settings.imap_auth != "password")
    tokens = _access_tokens(settings, clock) if needs_token else None
    request = SourceRequest(
        settings, account, known, stream, clock, batch_mails, path, tokens, stream.redis, compares_first, pushes
    )
    return SOURCES[kind](request)


def _access_tokens(settings: Settings, clock: SystemClock) -> AccessTokens:
    from src.auth.access_token import access_token_provider  # loads google-auth: 16 MB that a password has no use for

    return access_token_provider(settings, clock)


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


def in_time(open_it: Callable[[], Opened], shutdown: Shutdown, *, once: bool) -> Opened | None:
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


def open_existing_store(settings: Settings) -> Store:
    """Return the database without making or changing one. Raises DatabaseUnavailableError if there is none yet."""
    require_database(settings)
    return open_store(settings, may_migrate=False)


def require_database(settings: Settings) -> None:
    """Raise DatabaseUnavailableError if there is no database yet."""
    if not has_database(settings):
        raise DatabaseUnavailableError("there is no database yet: the first worker or import makes it")


def has_database(settings: Settings) -> bool:
    """Tell whether there is a database to look at; looking must not make one."""
    url = make_url(settings.database_url)
    return url.get_backend_name() != "sqlite" or sqlite_path(url).is_file()
