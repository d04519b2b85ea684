"""The long fault run: `python -m scripts.torture --mails 20000 --seed 7`, see docs/howto/run-the-torture.md.

Ends with 0 when every mail of the source is in the database once or among the dead letters, and no key is left over.
The same seed makes the same mails and draws the same faults.
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

from scripts.torturing.storm import Plan, Result, Storm
from src.common.exit_codes import INCOMPLETE, OK

MAILS_PER_FAULT = 150
REPLY_LOSS = 0.002  # of each chunk of replies: a lost one every second or so


def main(arguments: Sequence[str]) -> int:
    """Run one storm; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=20_000, help="how many mails flow through")
    parser.add_argument("--seed", type=int, default=0, help="0: drawn, and shown")
    parser.add_argument("--minutes", type=float, default=30.0, help="after this the faults end, and the rest flows")
    parser.add_argument("--keep", action="store_true", help="keep the folder, as after a failure")
    options = parser.parse_args(arguments)
    seed = options.seed or random.SystemRandom().randint(1, 1_000_000)
    console = Console()
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    console.print(f"seed {seed}, {options.mails} mails, in {folder}")
    plan = Plan(options.mails, seed, options.minutes, max(options.mails // MAILS_PER_FAULT, 1), REPLY_LOSS)
    result = Storm(plan, folder).run()
    if not (options.keep or result.findings):
        shutil.rmtree(folder)
    _show(console, result)
    return INCOMPLETE if result.findings else OK


def _show(console: Console, result: Result) -> None:
    table = Table(title=f"{result.seconds:.0f} s")
    table.add_column("what")
    table.add_column("how often", justify="right")
    for name, kills in result.kills.items():
        table.add_row(f"kill -9 of {name}", str(kills))
    table.add_row("replies lost", str(result.lost_replies))
    table.add_row("workers stopped past their lease", str(result.stalls))
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
