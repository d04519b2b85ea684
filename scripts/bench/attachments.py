"""Attachments a second, format by format, sandbox included: `python -m scripts.bench.attachments [--short]`.

Ours is the pool of child processes with one child, as a worker uses it: the bytes go to the child, it sees what they
are, takes the text out within its bounds, and the answer comes back. Bare is the library or program itself, called in
a loop in this process; the floor, for office files, is a hand-written walk through their XML. They take turns, file by
file, and the medians are compared; Tesseract gets one thread.
The children are nice to others: on a busy machine they wait longer, so the share by CPU, with that of all programs and
forks that either starts, is told as well.
Only files that take over 20 ms have a target: below it, the few milliseconds that a sandbox costs say little.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from scripts.bench.attachment_bare import READERS
from scripts.bench.attachment_files import WORD, Sample, Samples
from scripts.bench.attachment_floor import FLOORS
from src.attachments.extractor import Budget, Content
from src.attachments.limits import DEFAULT
from src.attachments.sandbox.pool import Pool
from src.attachments.sniff import OCTETS

TARGET = 0.8
TARGET_FROM_S = 0.02
SECONDS_EACH, SECONDS_EACH_SHORT = 8.0, 2.0  # spent on one format, all contenders together
LEAST_TURNS = 3
MOST_TURNS = 300
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
ALLOWED_S = 140.0  # for one file, as the worker allows for pictures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a quarter of the time")
    parser.add_argument("--only", default="", help="formats whose name holds this")
    options = parser.parse_args()
    os.environ["OMP_THREAD_LIMIT"] = "1"  # as the pool's children have it
    seconds = SECONDS_EACH_SHORT if options.short else SECONDS_EACH
    with tempfile.TemporaryDirectory(prefix="bench-attachments-") as folder:
        samples = [sample for sample in Samples().all() if options.only in sample.name]
        _show([_with_a_pool(sample, Path(folder), seconds) for sample in samples])


def _with_a_pool(sample: Sample, folder: Path, seconds: float) -> "Found":
    """Measure with a pool of its own: a child's end after 200 tasks, and the start of the next, which take as long as
    reading a few files, are then not charged to whichever file comes next."""
    pool = Pool(1, temp_dir=folder)
    try:
        return _measured(sample, pool, seconds)
    finally:
        pool.close()


@dataclass(slots=True)
class Contender:
    """One way to the words of a file, and what its calls took."""

    read: Callable[[], str]
    wall_s: list[float] = field(default_factory=list)
    cpu_s: float = 0.0  # of all calls

    @property
    def median_s(self) -> float:
        return statistics.median(self.wall_s)

    def take_a_turn(self) -> None:
        cpu_before, began = _cpu_s(), time.perf_counter()
        self.read()
        self.wall_s.append(time.perf_counter() - began)
        self.cpu_s += _cpu_s() - cpu_before


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured of one file."""

    sample: Sample
    bare: Contender
    ours: Contender
    floor: Contender | None  # where somebody wrote one


def _measured(sample: Sample, pool: Pool, seconds: float) -> Found:
    """Measure the contenders in turn; raises ValueError when one does not find the words."""
    floor = FLOORS.get(sample.kind)
    found = Found(
        sample,
        bare=Contender(partial(READERS[sample.kind], sample.data)),
        ours=Contender(partial(_by_pool, sample, pool)),
        floor=Contender(partial(floor, sample.data)) if floor else None,
    )
    contenders = [each for each in (found.bare, found.ours, found.floor) if each]
    if any(WORD not in each.read() for each in contenders):  # the first call of each, which loads libraries
        raise ValueError(f"{sample.name}: a contender does not find the words of the file")
    end = time.monotonic() + seconds
    turns = 0
    while turns < LEAST_TURNS or (time.monotonic() < end and turns < MOST_TURNS):
        turns += 1
        for each in contenders:
            each.take_a_turn()
    return found


def _by_pool(sample: Sample, pool: Pool) -> str:
    size, budget = len(sample.data), Budget.of(DEFAULT)
    content = Content(OCTETS, "", size, data=sample.data, filename=sample.filename, budget=budget)
    return pool.take_out(content, DEFAULT, ALLOWED_S).text


def _cpu_s() -> float:
    """Return the CPU that this process, all that live below it and all that ended there took, in seconds."""
    own = os.times()
    below = sum(map(_cpu_of_s, _started_by("self")))
    return own.user + own.system + own.children_user + own.children_system + below


def _cpu_of_s(process: str) -> float:
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    own = sum(map(int, fields[11:15])) * TICK_S  # utime, stime, cutime, cstime: proc_pid_stat(5)
    return own + sum(map(_cpu_of_s, _started_by(process)))


def _started_by(process: str) -> list[str]:
    threads = Path(f"/proc/{process}/task").iterdir()  # the pool starts its children in a thread of its own
    return [child for thread in threads for child in (thread / "children").read_text(encoding="ascii").split()]


HEADINGS = ("file", "KB", "ms floor", "ms bare", "ms ours", "CPU floor", "CPU bare", "CPU ours", "by CPU", "share")


def _show(measured: list[Found]) -> None:
    table = Table(title=f"attachments, one child process; load {os.getloadavg()[0]:.1f}")
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading == "file" else "right")
    for found in measured:
        three = (found.floor, found.bare, found.ours)
        share = found.bare.median_s / found.ours.median_s
        has_target = found.bare.median_s >= TARGET_FROM_S
        table.add_row(
            found.sample.name,
            f"{len(found.sample.data) / 1000:.0f}",
            *(f"{each.median_s * 1000:.1f}" if each else "" for each in three),
            *(f"{each.cpu_s * 1000 / len(each.wall_s):.1f}" if each else "" for each in three),
            f"{found.bare.cpu_s / max(found.ours.cpu_s, TICK_S):.2f}",
            f"{share:.2f}{' (no target)' if not has_target else ' MISSED' if share < TARGET else ''}",
        )
    Console(width=130).print(table)
    print(f"shares: ours of bare; target for files that take over {TARGET_FROM_S * 1000:.0f} ms bare: {TARGET}")


if __name__ == "__main__":
    main()
