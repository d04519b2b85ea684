"""What commands work with: settings, stream and database, opened when first asked for and closed at the end.

Users get what the settings name (`src/cli/opening.py`); tests hand the app a `Services` with an opening of their own.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import typer

from config.account import Account
from config.accounts import accounts_of
from config.settings import Settings, load
from src.common import logs
from src.common.clock import Clock, SystemClock
from src.model.cursor import Cursor
from src.model.ticket import Ticket
from src.sources.source import Census
from src.store.protocol import Store
from src.stream.protocol import DeadLetters, StreamStats

if TYPE_CHECKING:
    from src.assembly.reprocess import ReprocessOutcome
    from src.cli.ways import Ways


class CommandStream(DeadLetters, Protocol):
    """What commands need of the stream."""

    def stats(self) -> StreamStats: ...

    def load_cursor(self, account: str, mailbox: str) -> Cursor: ...

    def tickets_of(self, account: str, mailbox: str | None = None) -> Iterator[tuple[Ticket, str]]: ...


class CensusSource(Census, Protocol):
    """One mailbox that can list all it has."""

    account: str
    mailbox: str
    kind: str  # name in the registry

    def close(self) -> None: ...


class Opening(Protocol):
    """Turns settings into what commands work with. What is to be closed goes onto `closing`."""

    def stream(self, settings: Settings, closing: ExitStack) -> CommandStream:
        """Raises RedisUnavailableError or RedisMisconfiguredError."""
        ...

    def store(self, settings: Settings, closing: ExitStack) -> Store:
        """Raises DatabaseUnavailableError, also if there is none yet, or DatabaseSchemaError."""
        ...

    def has_database(self, settings: Settings) -> bool:
        """Tell whether there is a database; none is made by looking."""
        ...

    def censuses(
        self, settings: Settings, account: str, *, mboxes: Sequence[Path], maildirs: Sequence[Path], closing: ExitStack
    ) -> Sequence[CensusSource]:
        """Return the mailboxes of an account: those in files if there are any, else those of the mail server."""
        ...

    def ways(self, settings: Settings, account: str, *, closing: ExitStack) -> "Ways":
        """Return an account as it is read through IMAP and through the Gmail API."""
        ...

    def repair(self, settings: Settings, account: str, *, mboxes: Sequence[Path], maildirs: Sequence[Path]) -> int:
        """Publish what the database lacks or has otherwise than the source; return an exit code."""
        ...

    def reprocess(
        self,
        settings: Settings,
        account: str,
        *,
        reason: str,
        outdated: bool,
        mboxes: Sequence[Path],
        maildirs: Sequence[Path],
    ) -> "ReprocessOutcome":
        """Publish once more the mails with an attachment that ended for `reason`, or is `outdated`."""
        ...


class Services:
    """The settings, and one stream and one database for all of a command."""

    def __init__(self, opening: Opening, settings: Settings | None = None, clock: Clock | None = None) -> None:
        self.opening = opening
        self.clock = clock or SystemClock()
        self._settings = settings
        self._stream: CommandStream | None = None
        self._store: Store | None = None
        self._closing = ExitStack()

    @property
    def settings(self) -> Settings:
        """The settings; logs are set up by them. Raises SettingsError."""
        if self._settings is None:
            self._settings = load()
            logs.configure(level=self._settings.log_level, format_=self._settings.log_format)
        return self._settings

    def stream(self) -> CommandStream:
        """Return the stream; one that could not be opened is tried again the next time."""
        if self._stream is None:
            self._stream = self.opening.stream(self.settings, self._closing)
        return self._stream

    def store(self) -> Store:
        """Return the database; one that could not be opened is tried again the next time."""
        if self._store is None:
            self._store = self.opening.store(self.settings, self._closing)
        return self._store

    def has_database(self) -> bool:
        """Tell whether there is a database; none is made by looking."""
        return self.opening.has_database(self.settings)

    def censuses(self, account: str, mboxes: Sequence[Path], maildirs: Sequence[Path]) -> Sequence[CensusSource]:
        """Return the mailboxes of an account, to be listed."""
        return self.opening.censuses(self.settings, account, mboxes=mboxes, maildirs=maildirs, closing=self._closing)

    def ways(self, account: str) -> "Ways":
        """Return an account as it is read through IMAP and through the Gmail API."""
        return self.opening.ways(self.settings, account, closing=self._closing)

    def accounts(self) -> Sequence[Account]:
        """Return the accounts that are read from servers. Raises SettingsError."""
        return accounts_of(self.settings)

    def account_name(self, given: str) -> str:
        """Return the name given with --account, else that of the only account. Raises typer.BadParameter."""
        if given:
            return given
        accounts = self.accounts()
        if len(accounts) > 1:
            raise typer.BadParameter(f"which account? ACCOUNTS_FILE lists {len(accounts)}: give --account NAME")
        if not accounts[0].name:
            raise typer.BadParameter("which account? Give --account NAME, or set IMAP_USER (Gmail API: GMAIL_USER)")
        return accounts[0].name

    def close(self) -> None:
        """Close what was opened. May be called twice."""
        self._stream, self._store = None, None
        self._closing.close()


def services_of(context: typer.Context) -> Services:
    """Return the services of this run, made at its first use; closed when the run ends."""
    root = context.find_root()
    if not isinstance(root.obj, Services):
        # Imported here: it brings redis, sqlalchemy and imapclient, which `--help` can do without.
        from src.cli.opening import SettingsOpening

        root.obj = Services(SettingsOpening())
    services: Services = root.obj
    root.call_on_close(services.close)
    return services
