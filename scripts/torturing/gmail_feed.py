"""GmailFeed: a mailbox behind the Gmail API, with a user who is busy in it and faults of every kind.

The producer runs as for years, and is killed at random. Mails come, go and change their labels meanwhile; now and then
the history, the page tokens or the access tokens run out. At the end the faults stop, a last producer catches up, and
the database must be what the mailbox is. The daily comparison stays off: it would mend what was lost before.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from cryptography.fernet import Fernet

from config.settings import Settings, load
from scripts.torturing import gmail_audit
from scripts.torturing.actor import Actor
from scripts.torturing.feed import ROOT
from scripts.torturing.gmail_life import GmailLife, GmailWeather
from scripts.torturing.gmail_program import GmailProgram
from src.auth.google_oauth import READ_SCOPE
from src.auth.signed_in import token_file
from src.auth.token_file import StoredToken
from src.common.clock import SystemClock
from src.common.exit_codes import OK

BATCH_MAILS = 50  # that the producer publishes in one step
CONCURRENT_CALLS = 100  # the calls of a producer that was killed hold up the next ones for half a minute
SHARE_AT_FIRST = 0.6  # of the mails; the rest comes while the mailbox is read
ACTS_PER_NEW_MAIL = 26 / 10  # of the busy user; the others delete, relabel, trash, save drafts
END_TIMEOUT_S = 40.0


class GmailFeed:
    """Plays Feed."""

    def __init__(self, folder: Path, *, mails: int, seed: int, weather: GmailWeather) -> None:
        self.bringers: list[Actor] = []
        self._folder = folder
        self._mails = mails
        self._seed = seed
        self._weather = weather
        acts = int(mails * (1 - SHARE_AT_FIRST) * ACTS_PER_NEW_MAIL)
        self._life = GmailLife(acts=acts, weather=weather, seed=seed)
        self._through = 0
        self._is_calm = False
        self._gmail: GmailProgram | None = None
        self._environment: dict[str, str] = {}
        self._log = folder / "processes.log"
        self._tally: dict[str, int] = {}

    def begin(self, environment: Mapping[str, str], log: Path) -> None:
        """As in Feed."""
        self._log = log
        self._gmail = GmailProgram(log, seed=self._seed, page_size=self._weather.page_size)
        self._environment = {**environment, **self._gmail.environment, **self._settings_of(self._gmail.account)}
        self._sign_in(self._gmail)
        self._gmail.ask("fill", mails=int(self._mails * SHARE_AT_FIRST))
        self._gmail.ask("weather", rate=self._weather.fault_rate, refusals=self._weather.refusals)
        self._bring("producer")

    def stir(self, through: int) -> None:
        """As in Feed: the user acts, and what is due runs out."""
        self._through = through
        if acts := self._life.acts_due(through):
            self._running.ask("act", times=acts)
        for mischief in self._life.mischiefs_due():
            self._running.ask(mischief)

    def is_over(self) -> bool:
        """As in Feed: the producer goes on for ever, until the calm."""
        if self._is_calm:
            return self.bringers[-1].is_over
        return self._life.is_over and self._through >= self._mails

    def calm_down(self) -> None:
        """As in Feed: a last producer reads to the mailbox's end."""
        self._running.ask("calm")
        self.bringers[-1].end(END_TIMEOUT_S)
        self._bring("last producer", "--once")
        self._is_calm = True

    def findings(self, settings: Settings) -> list[str]:
        """As in Feed."""
        mails = self._running.ask("truth")["mails"]
        tally = self._running.ask("tally")
        errors: list[str] = tally.pop("errors")
        self._tally = tally
        ends = sum(producer.kills for producer in self.bringers) + 1  # the first producer was ended in order
        interruptions = ends + gmail_audit.new_rounds(self._log) + self._weather.history_expiries
        return [
            *(f"the fake Gmail itself failed: {error}" for error in errors),
            *(f"{each.name} ended by itself: {each.odd_ends}" for each in self.bringers if each.odd_ends),
            *gmail_audit.compared(gmail_audit.wanted(mails), settings, self._running.account),
            *gmail_audit.verified(self._running.account, self._environment),
            *gmail_audit.fetched_again(tally, interruptions, batch_mails=BATCH_MAILS),
        ]

    def tallies(self) -> dict[str, int]:
        """As in Feed."""
        return {name.replace("_", " "): number for name, number in self._tally.items()}

    def close(self) -> None:
        """As in Feed."""
        if self._gmail is not None:
            self._gmail.close()

    @property
    def _running(self) -> GmailProgram:
        assert self._gmail is not None, "begin() comes first"
        return self._gmail

    def _bring(self, name: str, *arguments: str) -> None:
        command = [sys.executable, str(ROOT / "producer.py"), "--batch-size", str(BATCH_MAILS), *arguments]
        last_codes = (OK,) if arguments else ()
        self.bringers.append(Actor(name, command, self._environment, self._log, last_codes))

    def _settings_of(self, account: str) -> dict[str, str]:
        return {
            "USE_GMAIL_API": "true",
            "GMAIL_USER": account,
            "GOOGLE_TOKEN_FILE": str(self._folder / "tokens" / "gmail_token.json"),
            "ENCRYPTION_KEY": Fernet.generate_key().decode(),
            "GMAIL_QUOTA_UNITS_PER_MINUTE": "6000000",  # the quota is not what is tried here
            "GMAIL_BACKFILL_SHARE": "1.0",
            "GMAIL_CENSUS_SHARE": "1.0",
            "GMAIL_CONCURRENT_CALLS": str(CONCURRENT_CALLS),
            "GMAIL_TIMEOUT_SECONDS": "3",
            "IMAP_POLL_INTERVAL_SECONDS": str(self._weather.poll_interval_s),
            "PRODUCER_METRICS_PORT": "0",
            "PRODUCER_HEALTH_PORT": "0",
        }

    def _sign_in(self, gmail: GmailProgram) -> None:
        """Put a token file in place, as a sign-in would leave it."""
        now = SystemClock().now()
        token = StoredToken(
            account=gmail.account,
            client_id=gmail.environment["GOOGLE_CLIENT_ID"],
            scopes=(READ_SCOPE,),
            signed_in_at=now,
            expires_at=now,
            access_token="",
            refresh_token=gmail.refresh_token,
        )
        settings = load(
            google_token_file=self._environment["GOOGLE_TOKEN_FILE"], encryption_key=self._environment["ENCRYPTION_KEY"]
        )
        token_file(settings).save(token)
