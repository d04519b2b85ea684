"""A home for one account that is read through the Gmail API: settings, a sign-in, commands, and the truth."""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from rich.console import Console

from src.assembly.producer import run_producer
from src.auth.signed_in import token_file
from src.auth.token_file import StoredToken
from src.common import exit_codes
from src.model.message import Record
from src.sources.gmail.visit import Wanted
from src.store.opening import open_store
from tests.fakes.gmail.fake_gmail import READ_SCOPE, FakeGmail
from tests.fakes.google_oauth import CLIENT_ID
from tests.integration.cli.shell import Shell

BATCH_MAILS = 20
Mails = dict[str, tuple[str, tuple[str, ...]]]  # SHA-256 and sorted labels, by id


class GmailHome(Shell):
    """Runs commands as in Shell, for the first account of a fake Gmail."""

    def __init__(self, folder: Path, gmail: FakeGmail, **settings: str) -> None:
        standing = {
            **gmail.environment(),
            "USE_GMAIL_API": "true",
            "GMAIL_USER": gmail.mailbox.account,
            "GMAIL_QUOTA_UNITS_PER_MINUTE": "600000",
            "GMAIL_CENSUS_SHARE": "1.0",
            "GMAIL_BACKFILL_SHARE": "1.0",
            "GOOGLE_TOKEN_FILE": str(folder / "tokens" / "gmail_token.json"),
            "ENCRYPTION_KEY": Fernet.generate_key().decode(),
            "LOG_LEVEL": "ERROR",
        }
        super().__init__(folder, **{**standing, **settings})
        self.gmail = gmail
        self.account = gmail.mailbox.account

    def narrowed(self, **settings: str) -> "GmailHome":
        """Return the same home with more settings."""
        return GmailHome(self.folder, self.gmail, **{**self.settings, **settings})

    def sign_in(self, scope: str = READ_SCOPE) -> None:
        """Put a token file in place, as a sign-in would leave it."""
        token = StoredToken(
            account=self.account,
            client_id=CLIENT_ID,
            scopes=(scope,),
            signed_in_at=datetime(2026, 1, 1, tzinfo=UTC),
            expires_at=datetime(2026, 1, 1, 1, tzinfo=UTC),
            access_token="ya29.ended",
            refresh_token=self.gmail.google.issue_refresh_token(scope),
        )
        token_file(self.loaded()).save(token)

    def produce(self, expect: int = exit_codes.OK, *, compares_first: bool = False) -> None:
        """Run a producer in this process until the mailbox is read to its end."""
        ended = run_producer(
            self.loaded(), Console(stderr=True), once=True, batch_mails=BATCH_MAILS, compares_first=compares_first
        )
        assert ended == expect

    def sync(self) -> None:
        """Read the mailbox to its end, and store what came."""
        self.produce()
        self.drain()

    def verdict(self, *arguments: str, expect: int = exit_codes.OK) -> dict[str, Any]:
        """Run `verify`."""
        verdict: dict[str, Any] = self.json("verify", "--account", self.account, *arguments, expect=expect)
        return verdict

    def spoil(self, make: Callable[..., Record], source_id: str, **values: Any) -> None:
        """Make the database say something else of a mail than the stream told it."""
        store = open_store(self.settings["DATABASE_URL"])
        try:
            (known,) = store.find_by_source_ids(self.account, [source_id]).values()
            store.write([make(source_id, account=self.account, version=known.version + 1, **values)])
        finally:
            store.close()

    def forget(self, source_ids: Iterable[str]) -> None:
        """Take mails out of the database, as no program of ours would."""
        with closing(sqlite3.connect(self.folder / "mail.db")) as database, database:
            database.executemany("DELETE FROM raw_emails WHERE source_id = ?", [(each,) for each in source_ids])

    def stored(self) -> Mails:
        """Return what the database shows."""
        store = open_store(self.settings["DATABASE_URL"])
        try:
            return {
                mail.source_id: (mail.sha256, tuple(sorted(mail.labels)))
                for mail in store.known_mails(self.account)
                if mail.is_stored and not mail.is_deleted
            }
        finally:
            store.close()

    def truth(self, wanted: Wanted | None = None) -> Mails:
        """Return what it should show."""
        takes = (wanted or Wanted()).takes
        mails = self.gmail.mailbox.truth().values()
        return {mail.id: (mail.sha256, tuple(sorted(mail.labels))) for mail in mails if takes(mail.labels)}
