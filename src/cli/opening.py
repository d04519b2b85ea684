"""What the settings name, opened: the stream, the database, the mailboxes of an account, and the way to repair them."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from config.account import Account
from config.accounts import account_named
from config.settings import Settings, SettingsError
from src.assembly.imports import run_import
from src.assembly.producer import run_producer
from src.assembly.reprocess import Meant, ReprocessOutcome, run_reprocess
from src.assembly.services import OpenStream, has_database, open_sources, open_store, open_stream, require_database
from src.assembly.worker import limits_of
from src.attachments.keep import way_of_reading
from src.cli.services import CensusSource, CommandStream
from src.cli.ways import Ways
from src.cli.ways_opening import open_ways
from src.common import exit_codes
from src.common.errors import LeaseLostError
from src.producer.build import owner_name
from src.producer.late_store import NothingKnown
from src.sources.source import Source
from src.store.protocol import Store
from src.stream.protocol import PublishResult

BATCH_MAILS = 50  # published in one step by a repair, as by producer.py


class SettingsOpening:
    """Plays Opening by the settings."""

    def stream(self, settings: Settings, closing: ExitStack) -> CommandStream:
        """As in Opening."""
        return _stream(settings, closing)

    def store(self, settings: Settings, closing: ExitStack) -> Store:
        """As in Opening. Looking must not make a database, so there has to be one."""
        require_database(settings)
        store = open_store(settings)
        closing.callback(store.close)
        return store

    def has_database(self, settings: Settings) -> bool:
        """As in Opening."""
        return has_database(settings)

    def censuses(
        self, settings: Settings, account: str, *, mboxes: Sequence[Path], maildirs: Sequence[Path], closing: ExitStack
    ) -> Sequence[CensusSource]:
        """As in Opening."""
        stream = _stream(settings, closing)
        known = self.store(settings, closing) if has_database(settings) else NothingKnown()
        own, origins = _origins(settings, account, mboxes, maildirs)
        sources = [
            source
            for kind, path in origins
            for source in open_sources(own, kind=kind, account=account, known=known, stream=stream, path=path)
        ]
        for source in sources:
            closing.callback(source.close)
        return [_with_census(source) for source in sources]

    def ways(self, settings: Settings, account: str, *, closing: ExitStack) -> Ways:
        """As in Opening. Of the database and the stream nothing is asked when all of an account is listed."""
        stream = _stream(settings, closing)
        return open_ways(settings, account, known=NothingKnown(), stream=stream, closing=closing)

    def repair(self, settings: Settings, account: str, *, mboxes: Sequence[Path], maildirs: Sequence[Path]) -> int:
        """As in Opening: a mail server's mailboxes are compared with the database; files are read again."""
        console = Console(stderr=True)
        codes = []
        own, origins = _origins(settings, account, mboxes, maildirs)
        for kind, path in origins:
            if path is None:
                accounts = [Account(account, own)]
                code = run_producer(
                    own, console, once=True, batch_mails=BATCH_MAILS, accounts=accounts, compares_first=True
                )
                codes.append(code)
            else:
                _read_again(settings, account, kind, path)
                outcome = run_import(settings, console, kind=kind, path=path, account=account)
                codes.append(outcome.exit_code)
        return max(codes, default=exit_codes.OK)

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
        """As in Opening."""
        own, origins = _origins(settings, account, mboxes, maildirs)
        require_database(settings)
        meant = Meant(reason, way_of_reading(limits_of(settings)) if outdated else "")
        return run_reprocess(own, Console(stderr=True), account=account, origins=origins, meant=meant)


def _origins(
    settings: Settings, account: str, mboxes: Sequence[Path], maildirs: Sequence[Path]
) -> tuple[Settings, list[tuple[str, Path | None]]]:
    """Return the settings of an account, and kind and path of everything it is read from."""
    if mboxes or maildirs:
        return settings, [*(("mbox", path) for path in mboxes), *(("maildir", path) for path in maildirs)]
    own = account_named(settings, account)
    if own is None:
        raise SettingsError(
            "this account is not the one of IMAP_USER or one of ACCOUNTS_FILE: if it was imported from files, name "
            "them with --mbox PATH or --maildir PATH (each may be repeated)"
        )
    return own.settings, [(own.kind, None)]


def _stream(settings: Settings, closing: ExitStack) -> OpenStream:
    stream = open_stream(settings)
    closing.callback(stream.close)
    return stream


def _with_census(source: Source) -> CensusSource:
    census = source
    if not hasattr(census, "census"):
        raise SettingsError(f"the source {source.kind} cannot list what it has, so it cannot be verified")
    return census  # type: ignore[return-value]  # just looked


def _read_again(settings: Settings, account: str, kind: str, path: Path) -> None:
    """Make the next import read the file from its start, as an operator would by setting `last_uid` to 0."""
    with ExitStack() as closing:
        stream = _stream(settings, closing)
        store = open_store(settings)
        closing.callback(store.close)
        for source in open_sources(settings, kind=kind, account=account, known=store, stream=stream, path=path):
            lease = stream.acquire_lease(account, source.mailbox, owner_name())
            if lease is None:
                raise LeaseLostError("another process reads this mailbox just now: let it end, then repair")
            try:
                before = stream.load_cursor(account, source.mailbox)
                done = stream.publish(lease, [], before=before, after=before.moved(last_uid=0))
            finally:
                stream.release_lease(lease)  # or the import that follows would wait until it runs out
            if done.result is not PublishResult.PUBLISHED:
                raise LeaseLostError("another process moved the cursor of this mailbox just now: try again")
