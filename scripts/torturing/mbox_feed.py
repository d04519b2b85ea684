"""MboxFeed: an mbox that is imported; every mail must be in the database once, or among the dead letters."""

import hashlib
import sys
from collections import Counter
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from config.settings import Settings
from scripts.torturing.actor import Actor
from scripts.torturing.audit import dead_letters, open_stream
from scripts.torturing.mailbox_file import write_mbox
from src.store.opening import open_store

ACCOUNT = "torture@example.org"
SHOWN = 5  # mails that are named in a finding


class MboxFeed:
    """Plays Feed."""

    def __init__(self, folder: Path, *, mails: int, seed: int) -> None:
        self.bringers: list[Actor] = []
        self._mbox = folder / "mails.mbox"
        self._mails = mails
        self._seed = seed
        self._hashes: list[str] = []

    def begin(self, environment: Mapping[str, str], log: Path) -> None:
        """As in Feed."""
        self._hashes = write_mbox(self._mbox, mails=self._mails, seed=self._seed)
        command = [sys.executable, "-m", "src.cli", "import", "mbox", str(self._mbox), "--account", ACCOUNT]
        self.bringers.append(Actor("importer", command, environment, log, last_codes=(0, 1)))

    def stir(self, through: int) -> None:
        """A file stays as it is."""

    def is_over(self) -> bool:
        """As in Feed."""
        return self.bringers[-1].is_over

    def calm_down(self) -> None:
        """A file stays as it is."""

    def findings(self, settings: Settings) -> list[str]:
        """As in Feed."""
        stored = _stored(settings)
        with open_stream(settings) as stream:
            raws = (stream.raw_of_dead(letter.entry_id) for letter in dead_letters(stream))
            dead = [hashlib.sha256(raw or b"").hexdigest() for raw in raws]
            settled = stream.stats().counters.get("settled", 0)
        findings = _compared(Counter(self._hashes), Counter(stored) + Counter(dead))
        if settled != len(stored):
            findings.append(f"{settled} mails were settled, and {len(stored)} found")
        return findings

    def tallies(self) -> dict[str, int]:
        """As in Feed."""
        return {"mails in the file": len(self._hashes)}

    def close(self) -> None:
        """As in Feed: nothing was started."""


def _stored(settings: Settings) -> list[str]:
    store = open_store(settings.database_url)
    try:
        return [mail.sha256 for mail in store.known_mails(ACCOUNT)]
    finally:
        store.close()


def _compared(expected: Counter[str], found: Counter[str]) -> list[str]:
    findings = []
    if missing := expected - found:
        findings.append(f"{missing.total()} mails are missing, such as {', '.join(islice(missing, SHOWN))}")
    if extra := found - expected:
        findings.append(f"{extra.total()} mails are there too often, such as {', '.join(islice(extra, SHOWN))}")
    return findings
