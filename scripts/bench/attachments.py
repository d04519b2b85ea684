"""Attachments a second, format by format, sandbox included: `python -m scripts.bench.attachments [--short]`.

Ours is the pool of child processes with one child, as a worker uses it: the bytes go to the child, it sees what they
are, takes the text out within its bounds, and the answer comes back. Bare is the library or program itself, called in
a loop in this process. Both take turns, file by file, and the medians are compared; Tesseract gets one thread in both.
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
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from scripts.bench.attachment_bare import READERS
from scripts.bench.attachment_files import WORD, Sample, Samples
from src.attachments.extractor import Budget, Content
from src.attachments.limits import DEFAULT
from src.attachments.sandbox.pool import Pool

TARGET = 0.8
TARGET_FROM_S = 0.02
SECONDS_EACH, SECONDS_EACH_SHORT = 8.0, 2.0  # spent on one format, both contenders together
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
        pool = Pool(1, temp_dir=Path(folder))
        try:
            samples = [sample for sample in Samples().all() if options.only in sample.name]
            _show([_measured(sample, pool, seconds) for sample in samples])
        finally:
            pool.close()


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured of one file."""

    sample: Sample
    bare_s: float  # median
    ours_s: float  # median, sandbox included
    share_of_cpu: float  # CPU of bare by CPU of ours


def _measured(sample: Sample, pool: Pool, seconds: float) -> Found:
    """Measure both contenders in turn; raises ValueError when one does not find the words."""
    bare = READERS[sample.kind]

    def ours() -> str:
        content = Content(
            "application/octet-stream",
            "",
            len(sample.data),
            data=sample.data,
            filename=sample.filename,
            budget=Budget.of(DEFAULT),
        )
        return pool.take_out(content, DEFAULT, ALLOWED_S).text

    contenders: tuple[Callable[[], str], ...] = (lambda: bare(sample.data), ours)
    if any(WORD not in contender() for contender in contenders):  # the first call of each, which loads libraries
        raise ValueError(f"{sample.name}: a contender does not find the words of the file")
    taken: tuple[list[float], ...] = ([], [])
    cpu_s = [0.0, 0.0]
    end = time.monotonic() + seconds
    while len(taken[0]) < LEAST_TURNS or (time.monotonic() < end and len(taken[0]) < MOST_TURNS):
        for at, contender in enumerate(contenders):
            cpu_before, began = _cpu_s(), time.perf_counter()
            contender()
            taken[at].append(time.perf_counter() - began)
            cpu_s[at] += _cpu_s() - cpu_before
    return Found(sample, statistics.median(taken[0]), statistics.median(taken[1]), cpu_s[0] / max(cpu_s[1], TICK_S))


def _cpu_s() -> float:
    """Return the CPU that this process, the pool's child and all that has ended below them took, in seconds."""
    own = os.times()
    threads = Path("/proc/self/task").iterdir()  # the pool starts its children in a thread of its own
    children = [child for thread in threads for child in (thread / "children").read_text(encoding="ascii").split()]
    return own.user + own.system + own.children_user + own.children_system + sum(map(_cpu_of_s, children))


def _cpu_of_s(process: str) -> float:
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) * TICK_S  # utime, stime, cutime, cstime: proc_pid_stat(5)


def _show(measured: list[Found]) -> None:
    table = Table(title=f"attachments a second, one child process; load {os.getloadavg()[0]:.1f}")
    for heading in ("file", "KB", "bare", "ours", "ms bare", "ms ours", "by CPU", "share of bare"):
        table.add_column(heading, justify="left" if heading == "file" else "right")
    for found in measured:
        sample, bare_s, ours_s = found.sample, found.bare_s, found.ours_s
        share = bare_s / ours_s
        is_missed = bare_s >= TARGET_FROM_S and share < TARGET
        table.add_row(
            sample.name,
            f"{len(sample.data) / 1000:.0f}",
            f"{1 / bare_s:.1f}",
            f"{1 / ours_s:.1f}",
            f"{bare_s * 1000:.1f}",
            f"{ours_s * 1000:.1f}",
            f"{found.share_of_cpu:.2f}",
            f"{share:.2f}{' MISSED' if is_missed else '' if bare_s >= TARGET_FROM_S else ' (no target)'}",
        )
    Console(width=110).print(table)
    print(f"target for files that take over {TARGET_FROM_S * 1000:.0f} ms bare: {TARGET} of bare")


if __name__ == "__main__":
    main()
