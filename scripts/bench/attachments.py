"""Attachments a second, format by format, sandbox included: `python -m scripts.bench.attachments [--short]`.

Ours is the pool of child processes with one child, as a worker uses it: the bytes go to the child, it sees what they
are, takes the text out within its bounds, and the answer comes back. Bare is the library or program itself, called in
a loop in this process. Both take turns, file by file, and the medians are compared; Tesseract gets one thread in both.
Only files that take over 20 ms have a target: below it, the few milliseconds that a sandbox costs say little.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
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
            _show([(sample, *_measured(sample, pool, seconds)) for sample in samples])
        finally:
            pool.close()


def _measured(sample: Sample, pool: Pool, seconds: float) -> tuple[float, float]:
    """Return the median seconds a file, bare and ours; raises ValueError when one does not find the words."""
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
    end = time.monotonic() + seconds
    while len(taken[0]) < LEAST_TURNS or (time.monotonic() < end and len(taken[0]) < MOST_TURNS):
        for contender, times in zip(contenders, taken, strict=True):
            began = time.perf_counter()
            contender()
            times.append(time.perf_counter() - began)
    return statistics.median(taken[0]), statistics.median(taken[1])


def _show(measured: list[tuple[Sample, float, float]]) -> None:
    table = Table(title=f"attachments a second, one child process; load {os.getloadavg()[0]:.1f}")
    for heading in ("file", "KB", "bare", "ours", "ms bare", "ms ours", "share of bare"):
        table.add_column(heading, justify="left" if heading == "file" else "right")
    for sample, bare_s, ours_s in measured:
        share = bare_s / ours_s
        is_missed = bare_s >= TARGET_FROM_S and share < TARGET
        table.add_row(
            sample.name,
            f"{len(sample.data) / 1000:.0f}",
            f"{1 / bare_s:.1f}",
            f"{1 / ours_s:.1f}",
            f"{bare_s * 1000:.1f}",
            f"{ours_s * 1000:.1f}",
            f"{share:.2f}{' MISSED' if is_missed else '' if bare_s >= TARGET_FROM_S else ' (no target)'}",
        )
    Console(width=110).print(table)
    print(f"target for files that take over {TARGET_FROM_S * 1000:.0f} ms bare: {TARGET} of bare")


if __name__ == "__main__":
    main()
