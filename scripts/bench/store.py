"""How fast the store writes and searches, against hand-written floors: `python -m scripts.bench.store [--short]`.

Contenders take turns on fresh databases in one run, and medians of their rates are compared: only ratios mean anything.
PostgreSQL is a server of this benchmark's own, with fsync on.
"""

import argparse
import contextlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count, pairwise
from typing import NamedTuple, Protocol

from scripts.bench.store_floors import PostgresFloor, SqliteFloor
from scripts.bench.store_records import RecordMaker
from src.model.message import Record
from src.store.opening import open_store
from src.store.protocol import Store
from tests.fixtures.postgres import PostgresServer

BATCH = 500  # records a transaction, the worker's default
SEARCHES = 60  # words asked for, from common to rare


class Speed(NamedTuple):
    """How fast a contender wrote."""

    rate: float  # mails a second
    cpu_us: float  # of this process, a mail; on SQLite that is all, and other processes disturb it less

    def __str__(self) -> str:
        return f"{self.rate:.0f} mails/s ({self.cpu_us:.0f} µs of CPU)"


class Writer(Protocol):
    """A contender."""

    def write(self, records: Sequence[Record]) -> None: ...

    def close(self) -> None: ...


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a tenth of the mails")
    parser.add_argument("--only", choices=["sqlite", "postgresql"], help="one database")
    options = parser.parse_args()
    sizes = (1_000, 3, 10_000) if options.short else (4_000, 5, 100_000)
    with tempfile.TemporaryDirectory(prefix="bench-store-") as folder, _postgres() as server:
        numbers = count()
        addresses: dict[str, Callable[[], str]] = {
            "sqlite": lambda: f"sqlite:///{folder}/{next(numbers)}.db",
            "postgresql": server.new_database,
        }
        for name, new_address in addresses.items():
            if options.only in (None, name):
                print(f"--- {name}")
                _against_floor(new_address, *sizes[:2])
                _growth_and_search(new_address(), sizes[2])


@contextlib.contextmanager
def _postgres() -> Iterator[PostgresServer]:
    durable = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
    server = PostgresServer(options={**durable, "shared_buffers": "512MB", "max_wal_size": "4GB"}, is_in_memory=False)
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.remove()


def _against_floor(new_address: Callable[[], str], mails: int, rounds: int) -> None:
    batches = _batches(list(RecordMaker().records(0, mails)))
    speeds: dict[str, list[Speed]] = {"floor": [], "ours": [], "repeat": []}
    for _ in range(rounds):
        speeds["floor"].append(_measure(_floor(new_address()), batches))
        store = open_store(new_address())
        speeds["ours"].append(_measure(store, batches, close=False))
        speeds["repeat"].append(_measure(store, batches))
    floor, ours, repeat = (_median(speeds[name]) for name in ("floor", "ours", "repeat"))
    print(f"write       floor {floor}   ours {ours}   ours/floor {ours.rate / floor.rate:.2f}", end="")
    print(f", by CPU {floor.cpu_us / ours.cpu_us:.2f}")
    print(f"            a repeat {repeat}")


def _median(speeds: Sequence[Speed]) -> Speed:
    return Speed(statistics.median(s.rate for s in speeds), statistics.median(s.cpu_us for s in speeds))


def _floor(url: str) -> Writer:
    open_store(url).close()
    return SqliteFloor(url.removeprefix("sqlite:///")) if url.startswith("sqlite") else PostgresFloor(url)


def _batches(records: Sequence[Record]) -> list[Sequence[Record]]:
    return [records[first : first + BATCH] for first in range(0, len(records), BATCH)]


def _measure(writer: Writer, batches: Sequence[Sequence[Record]], *, close: bool = True) -> Speed:
    mails = sum(map(len, batches))
    begun, begun_cpu = time.perf_counter(), time.process_time()
    for batch in batches:
        writer.write(batch)
    speed = Speed(mails / (time.perf_counter() - begun), (time.process_time() - begun_cpu) / mails * 1e6)
    if close:
        writer.close()
    return speed


def _growth_and_search(url: str, mails: int) -> None:
    """Write eleven tenths of `mails`; compare the second, with one tenth stored, to the last, with all stored."""
    store, maker = open_store(url), RecordMaker()
    tenth = mails // 10
    speeds = [_measure(store, _batches(list(maker.records(tenth * n, tenth))), close=False) for n in range(11)]
    early, late, size_mb = speeds[1], speeds[-1], store.stats().size_bytes / 1e6
    # Merges of the full-text index come in lumps, so one tenth alone says little.
    half = statistics.harmonic_mean([speed.rate for speed in speeds[6:]])
    print(f"growth      with {tenth} stored: {early}   with {mails}: {late}   {size_mb:.0f} MB")
    print(f"            slower by {early.rate / late.rate:.2f}, by CPU {late.cpu_us / early.cpu_us:.2f}", end="")
    print(f"; by {early.rate / half:.2f} over the last half")
    print("            " + " ".join(f"{speed.rate:.0f}" for speed in speeds) + " mails/s")
    words = [maker.words[int(1.2**n) % 20_000] for n in range(SEARCHES)]
    for order in ("newest", "relevance"):
        _search(store, words, order)
    _search(store, [f'"{one} {two}"' for one, two in pairwise(words)], "newest", what="phrase")
    store.close()


def _search(store: Store, queries: Sequence[str], order: str, *, what: str = "word") -> None:
    times = []
    for query in queries:
        begun = time.perf_counter()
        store.search(query, limit=50, order=order)
        times.append((time.perf_counter() - begun) * 1e3)
    times.sort()
    median, p95 = statistics.median(times), times[int(len(times) * 0.95)]
    print(
        f"search      one {what}, {order}, 50 hits: median {median:.1f} ms, 95 % {p95:.1f} ms, worst {times[-1]:.1f} ms"
    )


if __name__ == "__main__":
    main()
