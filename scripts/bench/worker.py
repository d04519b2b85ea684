"""How fast a worker takes mails from the stream into the database: `python -m scripts.bench.worker [--short]`.

The contenders take turns on fresh databases in one run, and medians are compared: only ratios mean anything. All
processes have imported everything before the clock starts; it stops when the stream is empty.
- floor: the hand-written loop of floor.py (Redis → parse → one transaction a batch → acknowledge);
- worker: one worker process as `worker.py` builds it, then two; mails on the stream as a producer puts them there;
- mu: Debian's `mu index` on the same mails as a Maildir, from a new database.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import redis

from config.settings import Settings, load
from scripts.bench import floor
from scripts.bench.office_mails import OfficeMails
from scripts.bench.publishing import publish
from scripts.torturing.mortal_redis import MortalRedis
from src.store.opening import open_store
from tests.fixtures.postgres import PostgresServer

ROUNDS, ROUNDS_SHORT = 3, 2
MIXES = {"36 KB": 36_000, "15 KB": 15_000}


@dataclass(frozen=True, slots=True)
class Run:
    """One turn of a contender."""

    rate: float  # mails a second
    cpu_us: float  # of its processes, a mail
    peak_mb: float  # of its largest process


class Arena:
    """Redis, PostgreSQL, a folder, and the mails."""

    def __init__(self, folder: Path, server: PostgresServer, mails: Sequence[bytes]) -> None:
        self._folder = folder
        self._server = server
        self._mails = mails
        self._redis = MortalRedis(folder / "redis")
        self._redis.start(is_durable=False)
        self._client = redis.Redis(port=self._redis.port)
        self._turn = 0

    def sqlite_floor(self) -> Run:
        """The floor on SQLite."""
        path = self._new_path()
        connection = floor.open_sqlite(path)
        connection.executescript(floor.SCHEMA)
        connection.close()
        self._fill_floor()
        return self._race("floor", f"sqlite:///{path}", processes=1, stream=floor.STREAM)

    def postgres_floor(self) -> Run:
        """The floor on PostgreSQL."""
        url = self._server.new_database()
        open_store(url).close()
        self._fill_floor()
        return self._race("floor", url, processes=1, stream=floor.STREAM)

    def sqlite_worker(self, processes: int = 1) -> Run:
        """The product on SQLite."""
        return self._product(f"sqlite:///{self._new_path()}", processes)

    def postgres_worker(self) -> Run:
        """The product on PostgreSQL."""
        return self._product(self._server.new_database(), 1)

    def mu(self) -> Run:
        """Debian's `mu index`."""
        maildir, home = self._folder / "Maildir", self._folder / "mu"
        if not maildir.exists():
            for name in ("cur", "new", "tmp"):
                (maildir / name).mkdir(parents=True)
            for at, raw in enumerate(self._mails):
                (maildir / "cur" / f"{at}.bench:2,S").write_bytes(raw)
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run(["mu", "init", f"--muhome={home}", f"--maildir={maildir}"], check=True, capture_output=True)
        began = time.monotonic()
        subprocess.run(["mu", "index", f"--muhome={home}", "--quiet"], check=True, capture_output=True)
        return Run(len(self._mails) / (time.monotonic() - began), 0.0, 0.0)

    def close(self) -> None:
        """Stop Redis."""
        self._client.close()
        self._redis.kill()

    def _product(self, url: str, processes: int) -> Run:
        open_store(url).close()
        self._client.flushall()
        publish(self._settings(url), self._mails)
        return self._race("product", url, processes=processes, stream="email_ingestion_stream")

    def _fill_floor(self) -> None:
        self._client.flushall()
        floor.fill(self._client, self._mails)

    def _race(self, name: str, url: str, *, processes: int, stream: str) -> Run:
        command = [sys.executable, "-m", "scripts.bench.worker_contender", name]
        environment = {**os.environ, "REDIS_URL": self._redis_url, "DATABASE_URL": url}
        runners = [
            subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(processes)
        ]
        for runner in runners:
            assert runner.stdout is not None
            assert runner.stdout.readline() == "ready\n"
        began = time.monotonic()
        for runner in runners:
            assert runner.stdin is not None
            runner.stdin.write("\n")
            runner.stdin.flush()
        while self._client.xlen(stream):
            time.sleep(0.005)
        seconds = time.monotonic() - began
        told = [runner.communicate()[0].split() for runner in runners]
        cpu_s = sum(float(cpu) for cpu, _ in told)
        return Run(len(self._mails) / seconds, cpu_s / len(self._mails) * 1e6, max(float(mb) for _, mb in told))

    def _settings(self, url: str) -> Settings:
        return load(redis_url=self._redis_url, database_url=url, redis_max_stream_length=len(self._mails) + 1)

    @property
    def _redis_url(self) -> str:
        return f"redis://127.0.0.1:{self._redis.port}/0"

    def _new_path(self) -> str:
        self._turn += 1
        return str(self._folder / f"{self._turn}.db")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="2,000 mails of one mix, fewer rounds")
    options = parser.parse_args()
    number = 2_000 if options.short else 10_000
    server = PostgresServer(options={"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"})
    try:
        server.create()
        server.start()
        for mix, mean_bytes in list(MIXES.items())[: 1 if options.short else None]:
            mails = list(OfficeMails(seed=1, mean_bytes=mean_bytes).take(number))
            print(f"--- {number} mails of {sum(map(len, mails)) // number / 1000:.0f} KB on average ({mix} mix)")
            with tempfile.TemporaryDirectory(prefix="bench-worker-") as folder:
                arena = Arena(Path(folder), server, mails)
                try:
                    _compare(arena, ROUNDS_SHORT if options.short else ROUNDS)
                finally:
                    arena.close()
    finally:
        server.remove()


def _compare(arena: Arena, rounds: int) -> None:
    contenders: dict[str, Callable[[], Run]] = {
        "floor, SQLite": arena.sqlite_floor,
        "worker, SQLite": arena.sqlite_worker,
        "two workers, SQLite": lambda: arena.sqlite_worker(2),
        "mu index": arena.mu,
        "floor, PostgreSQL": arena.postgres_floor,
        "worker, PostgreSQL": arena.postgres_worker,
    }
    if shutil.which("mu") is None:
        del contenders["mu index"]
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, measure in contenders.items():
            runs[name].append(measure())
    rates = {name: statistics.median(run.rate for run in found) for name, found in runs.items()}
    for name, found in runs.items():
        cpu_us = statistics.median(run.cpu_us for run in found)
        print(f"{name:22} {rates[name]:7.0f} mails/s {cpu_us:6.0f} µs of CPU {max(r.peak_mb for r in found):5.0f} MB")
    _ratio(rates, "worker, SQLite", "floor, SQLite", 0.6)
    _ratio(rates, "two workers, SQLite", "worker, SQLite", 1.5)
    _ratio(rates, "worker, SQLite", "mu index", 2.5)
    _ratio(rates, "worker, PostgreSQL", "floor, PostgreSQL", 0.7)


def _ratio(rates: dict[str, float], name: str, other: str, target: float) -> None:
    if other in rates:
        ratio = rates[name] / rates[other]
        print(f"{name} / {other}: {ratio:.2f} (target {target}){'' if ratio >= target else '  MISSED'}")


if __name__ == "__main__":
    main()
