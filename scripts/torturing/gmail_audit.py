"""What must be true of an account of the Gmail API after the storm. Each line of the findings is a broken promise."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path

from config.settings import Settings
from scripts.torturing.feed import ROOT
from src.common.exit_codes import INCOMPLETE, OK
from src.sources.gmail.visit import Wanted
from src.store.opening import open_store
from src.sync.fetch_many import AHEAD
from src.sync.gmail_api import THREADS

SHOWN = 5  # mails that are named in a finding
VERIFY_TIMEOUT_S = 300.0
STDERR_CHARS = 1_000  # of what a command said that could not do its work
_NEW_ROUNDS = ("mailbox_failed", "cursor_moved")  # in the log: what was fetched and not published is fetched again

Mails = dict[str, tuple[str, tuple[str, ...]]]  # SHA-256 of the raw mail and sorted labels, by id


def wanted(mails: Mapping[str, tuple[str, list[str]]]) -> Mails:
    """Return the mails that are to be in the database: all but drafts."""
    return {each: (sha256, tuple(labels)) for each, (sha256, labels) in mails.items() if Wanted().takes(labels)}


def compared(truth: Mails, settings: Settings, account: str) -> list[str]:
    """Compare the database with the mailbox."""
    ids: Counter[str] = Counter()
    stored: Mails = {}
    store = open_store(settings.database_url)
    try:
        for mail in store.known_mails(account):
            ids[mail.source_id] += 1
            if mail.is_stored and not mail.is_deleted:
                stored[mail.source_id] = (mail.sha256, tuple(sorted(mail.labels)))
    finally:
        store.close()
    both = truth.keys() & stored.keys()
    differences = {
        "missing": truth.keys() - stored.keys(),
        "there, though gone from the mailbox": stored.keys() - truth.keys(),
        "stored with other content": {each for each in both if truth[each][0] != stored[each][0]},
        "stored with other labels": {each for each in both if truth[each][1] != stored[each][1]},
        "stored twice": {each for each, times in ids.items() if times > 1},
    }
    return [f"{len(found)} mails are {what}, such as {_some(found)}" for what, found in differences.items() if found]


def verified(account: str, environment: Mapping[str, str]) -> list[str]:
    """Run `verify`, which must find nothing."""
    command = [sys.executable, "-m", "src.cli", "verify", "--account", account, "--json"]
    ended = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=VERIFY_TIMEOUT_S,
        check=False,
    )
    if ended.returncode == OK:
        return []
    told = json.loads(ended.stdout)["verdict"] if ended.returncode == INCOMPLETE else ended.stderr[-STDERR_CHARS:]
    return [f"verify ended with {ended.returncode}: {told}"]


def fetched_again(tally: Mapping[str, int], interruptions: int, *, batch_mails: int) -> list[str]:
    """Compare how many mails were fetched again with what kills and faults can cause.

    In hand at an interruption: a batch that is being published, the next one, and what the threads run ahead of them,
    once for old and once for new mail. A faulty answer costs one fetch.
    """
    in_hand = 2 * batch_mails + 2 * AHEAD * THREADS
    most = interruptions * in_hand + tally["faults"]
    if tally["fetched_again"] <= most:
        return []
    return [f"{tally['fetched_again']} mails were fetched again; {interruptions} interruptions explain {most}"]


def new_rounds(log: Path) -> int:
    """Count how often a producer began to read anew from the stored cursor, other than by being killed."""
    with log.open(errors="replace") as lines:
        return sum(any(event in line for event in _NEW_ROUNDS) and not _is_by_us(line) for line in lines)


def _is_by_us(line: str) -> bool:
    """Tell whether the cursor was moved by the try whose answer was lost: nothing is read anew then."""
    try:
        return bool(json.loads(line).get("by_us", False))
    except ValueError:  # cut off by a kill
        return False


def _some(ids: Iterable[str]) -> str:
    return ", ".join(islice(sorted(ids), SHOWN))
