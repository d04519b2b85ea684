"""An operator's desk: the commands on a stream in memory, a database of the test's own, and a source made of a list."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from config.settings import Settings, load
from src.assembly.reprocess import ReprocessOutcome
from src.cli.app import app
from src.cli.services import CensusSource, CommandStream, Services
from src.cli.ways import Ways
from src.common import exit_codes
from src.common.errors import DatabaseUnavailableError, RedisUnavailableError, SourceUnavailableError
from src.model.envelope import Place
from src.sources.source import CensusItem
from src.store.opening import open_store
from src.store.protocol import Store
from src.stream.memory.stream import MemoryStream
from tests.contracts.stream_mails import ACCOUNT, MAILBOX
from tests.unit.cli.gmail_account import GmailAccount


class ListedSource:
    """A mailbox whose mails are a list of UIDs. Plays CensusSource."""

    account = ACCOUNT
    mailbox = MAILBOX
    kind = "imap"

    def __init__(self) -> None:
        self.uids: list[int] = []
        self.breaks_after: int | None = None  # mails after which the list breaks off
        self.on_census: Callable[[], None] = lambda: None  # what happens meanwhile

    def census(self) -> Iterator[CensusItem]:
        self.on_census()
        for position, uid in enumerate(list(self.uids)):
            if position == self.breaks_after:
                raise SourceUnavailableError("the connection broke in the middle of the list")
            yield CensusItem(f"{MAILBOX}/1/{uid}", Place(MAILBOX, 1, uid))

    def close(self) -> None:
        """Nothing is open."""


class Desk:
    """Plays Opening; `run` runs a command on it."""

    def __init__(self, folder: Path) -> None:
        self.settings = load(
            _env_file=None,
            imap_user=ACCOUNT,
            database_url=f"sqlite:///{folder}/mail.db",
            producer_metrics_port=0,
            producer_health_port=0,
            worker_metrics_port=0,
            worker_health_port=0,
        )
        self.memory = MemoryStream()
        self.mails = open_store(self.settings.database_url)
        self.source = ListedSource()
        self.gmail = GmailAccount()
        self.is_redis_away = False
        self.is_database_away = False
        self.repairs = 0
        self.repair_ends_with = exit_codes.OK
        self.reprocessed: list[tuple[str, str, bool]] = []
        self.reprocess_ends_with = ReprocessOutcome(0, 0, 0, 0, 0, exit_codes.OK)

    def stream(self, settings: Settings, closing: ExitStack) -> CommandStream:
        if self.is_redis_away:
            raise RedisUnavailableError("Redis does not answer")
        return self.memory

    def store(self, settings: Settings, closing: ExitStack) -> Store:
        if self.is_database_away:
            raise DatabaseUnavailableError("the database is locked")
        return self.mails

    def has_database(self, settings: Settings) -> bool:
        return True

    def censuses(
        self, settings: Settings, account: str, *, mboxes: Sequence[Path], maildirs: Sequence[Path], closing: ExitStack
    ) -> Sequence[CensusSource]:
        return [self.source]

    def ways(self, settings: Settings, account: str, *, closing: ExitStack) -> Ways:
        return self.gmail.ways()

    def repair(self, settings: Settings, account: str, *, mboxes: Sequence[Path], maildirs: Sequence[Path]) -> int:
        self.repairs += 1
        return self.repair_ends_with

    def reprocess(
        self,
        settings: Settings,
        account: str,
        *,
        reason: str,
        outdated: bool,
        mboxes: Sequence[Path],
        maildirs: Sequence[Path],
    ) -> ReprocessOutcome:
        self.reprocessed.append((account, reason, outdated))
        return self.reprocess_ends_with

    def run(self, *arguments: str, typed: str = "") -> Result:
        """Run a command as a user would."""
        return CliRunner().invoke(app, list(arguments), obj=Services(self, self.settings), input=typed)

    def json(self, *arguments: str, exit_code: int = exit_codes.OK) -> Any:
        """Run a command with --json; return what it printed, as read by a script."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)
