"""The long fault run: `python -m scripts.torture --mails 20000 --seed 7`, see docs/howto/run-the-torture.md.

`--source mbox` imports a file: every mail must be in the database once or among the dead letters. `--source gmail`
reads a mailbox behind the Gmail API that changes meanwhile: the database must be what the mailbox is at the end. Either
way no key is left over. Ends with 0 when all that holds. The same seed makes the same mails and draws the same faults.
"""

import argparse
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from scripts.torturing.gmail_feed import GmailFeed
from scripts.torturing.gmail_life import GmailWeather
from scripts.torturing.mbox_feed import MboxFeed
from scripts.torturing.storm import Plan, Result, Storm
from src.common.exit_codes import INCOMPLETE, OK

MAILS_PER_FAULT = 150
MAILS_PER_MISCHIEF = 2_000  # page tokens run out, and access tokens
MAILS_PER_HISTORY = 8_000  # the history runs out
NO_DEATH = 1_000_000  # crashes: of the API's mails none is to be dead, so that `verify` has nothing to say
REPLY_LOSS = 0.002  # of each chunk of replies: a lost one every second or so
GMAIL_REPLY_LOSS = 0.0005  # the same, where each call to the API asks Redis for its turn
GMAIL_PAGE = 200  # entries
GMAIL_PATIENCE_S = 12.0  # a producer that failed waits longer each time, and a refused one until it is killed


def main(arguments: Sequence[str]) -> int:
    """Run one storm; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", choices=("mbox", "gmail"), default="mbox", help="where the mails come from")
    parser.add_argument("--mails", type=int, default=20_000, help="how many mails flow through")
    parser.add_argument("--seed", type=int, default=0, help="0: drawn, and shown")
    parser.add_argument("--minutes", type=float, default=30.0, help="after this the faults end, and the rest flows")
    parser.add_argument("--keep", action="store_true", help="keep the folder, as after a failure")
    options = parser.parse_args(arguments)
    seed = options.seed or random.SystemRandom().randint(1, 1_000_000)
    console = Console()
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    console.print(f"seed {seed}, {options.mails} mails of {options.source}, in {folder}")
    storm = _gmail_storm if options.source == "gmail" else _mbox_storm
    result = storm(options.mails, seed, options.minutes, folder).run()
    if not (options.keep or result.findings):
        shutil.rmtree(folder)
    _show(console, result)
    return INCOMPLETE if result.findings else OK


def _mbox_storm(mails: int, seed: int, minutes: float, folder: Path) -> Storm:
    plan = Plan(mails, seed, minutes, max(mails // MAILS_PER_FAULT, 1), REPLY_LOSS)
    return Storm(plan, folder, MboxFeed(folder, mails=mails, seed=seed))


def _gmail_storm(mails: int, seed: int, minutes: float, folder: Path) -> Storm:
    plan = Plan(
        mails,
        seed,
        minutes,
        max(mails // MAILS_PER_FAULT, 1),
        GMAIL_REPLY_LOSS,
        max_crashes=NO_DEATH,
        no_progress_s=GMAIL_PATIENCE_S,
    )
    mischiefs = max(mails // MAILS_PER_MISCHIEF, 1)
    weather = GmailWeather(
        fault_rate=1.0,
        refusals=1,
        history_expiries=mails // MAILS_PER_HISTORY,
        page_expiries=mischiefs,
        token_ends=mischiefs,
        page_size=GMAIL_PAGE,
    )
    feed = GmailFeed(folder, mails=mails, seed=seed, weather=weather)
    return Storm(plan, folder, feed)


def _show(console: Console, result: Result) -> None:
    table = Table(title=f"{result.seconds:.0f} s")
    table.add_column("what")
    table.add_column("how often", justify="right")
    for name, kills in result.kills.items():
        table.add_row(f"kill -9 of {name}", str(kills))
    table.add_row("replies lost", str(result.lost_replies))
    table.add_row("workers stopped past their lease", str(result.stalls))
    for name, number in result.tallies.items():
        table.add_row(name, str(number))
    for name, value in sorted((result.stats.counters if result.stats else {}).items()):
        table.add_row(f"counter {name}", str(value))
    console.print(table)
    for finding in result.findings:
        console.print(f"[red]broken promise:[/red] {finding}")
    console.print(
        "[red]failed[/red]" if result.findings else "[green]nothing missing, nothing twice, nothing left[/green]"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
