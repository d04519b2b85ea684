"""What commands work with: settings, stream and database, opened when first asked for and closed at the end.

Tests hand a `Services` of fakes to the app; users get `from_settings()`. The parts that connect are imported when they
are needed, so that `--help`, `keygen` and a settings mistake answer at once.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import typer

from config.settings import Settings, load
from src.common import logs
from src.common.clock import Clock, SystemClock
from src.model.cursor import Cursor
from src.model.ticket import Ticket
from src.sources.source import Census
from src.store.protocol import Store
from src.stream.protocol import DeadLetters, StreamStats


class CommandStream(DeadLetters, Protocol):
    """What commands need of the stream."""

    def stats(self) -> StreamStats: ...

    def load_cursor(self, account: str, mailbox: str) -> Cursor: ...

    def tickets_of(self, account: str, mailbox: str) -> Iterator[tuple[Ticket, str]]: ...

    def close(self) -> None: ...


class CensusSource(Census, Protocol):
    """One mailbox that can list all it has."""

    account: str
    mailbox: str

    def close(self) -> None: ...


@dataclass
class Services:
    """The settings, and one stream and one database for all of a command."""

    load_settings: Callable[[], Settings]
    open_stream: Callable[[Settings], CommandStream]
    open_store: Callable[[Settings], Store]
    clock: Clock = field(default_factory=SystemClock)
    _settings: Settings | None = None
    _stream: CommandStream | None = None
    _store: Store | None = None
    _closing: ExitStack = field(default_factory=ExitStack)

    @property
    def settings(self) -> Settings:
        """The settings. Raises SettingsError."""
        if self._settings is None:
            self._settings = self.load_settings()
            logs.configure(level=self._settings.log_level, format_=self._settings.log_format)
        return self._settings

    def stream(self) -> CommandStream:
        """Return the stream. Raises RedisUnavailableError or RedisMisconfiguredError."""
        if self._stream is None:
            self._stream = self.open_stream(self.settings)
            self._closing.callback(self._stream.close)
        return self._stream

    def store(self) -> Store:
        """Return the database. Raises DatabaseUnavailableError or DatabaseSchemaError."""
        if self._store is None:
            self._store = self.open_store(self.settings)
            self._closing.callback(self._store.close)
        return self._store

    def close(self) -> None:
        """Close what was opened. May be called twice."""
        self._closing.close()
        self._stream, self._store = None, None


def from_settings() -> Services:
    """Return the services that the settings name; connects to nothing yet."""
    return Services(load_settings=load, open_stream=_open_stream, open_store=_open_store)


def services_of(context: typer.Context) -> Services:
    """Return the services of this run, made at its first use; closed when the run ends."""
    root = context.find_root()
    if not isinstance(root.obj, Services):
        root.obj = from_settings()
    services: Services = root.obj
    root.call_on_close(services.close)
    return services


def _open_stream(settings: Settings) -> CommandStream:
    from src import assembly

    return assembly.open_stream(settings)


def _open_store(settings: Settings) -> Store:
    from src import assembly

    return assembly.open_store(settings)
