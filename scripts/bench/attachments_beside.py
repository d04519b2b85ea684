"""How much slow attachments hold back the other mails: `python -m scripts.bench.attachments_beside [--short]`.

A mailbox in which 1 mail in 50 carries a two-page scan is worked on by one worker process. What counts is the rate at
which the *other* mails are stored, from the start until the scans are all that is left, against the rate at which the
same mails are stored from a mailbox without any scan. The contenders take turns on fresh databases in one run; medians
are compared. The end of a run is the moment the last of the other mails was written, as the database tells it.
"""

import argparse
import base64
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import redis

from config.settings import Settings, load
from scripts.bench import scans
from scripts.bench.office_mails import OfficeMails
from scripts.bench.publishing import publish
from scripts.torturing.mortal_redis import MortalRedis
from src.store.opening import open_store

ONE_IN = 50
TEXT_ONLY_BYTES = 9_000  # OfficeMails of this mean carry no attachment
TARGET = 0.7
LOOK_EVERY_S = 0.05  # at Redis, for the end
MOST_S = 120.0  # of one run
SUBJECT = "Scan"
STREAM = "email_ingestion_stream"


@dataclass(frozen=True, slots=True)
class Run:
    """One turn."""

    rate: float  # of mails without a scan, a second
    cpu_us: float  # of the worker without its children, for each of those mails
    scans_done: int  # by the time the last of them was stored
    peak_mb: float  # of the worker, without its children


class Mailbox:
    """The same mails, with and without scans among them, and a Redis to put them on."""

    def __init__(self, folder: Path, number: int) -> None:
        self._folder = folder
        self._turn = 0
        mails = list(OfficeMails(seed=3, mean_bytes=TEXT_ONLY_BYTES).take(number))
        rng = random.Random(3)
        pdf = scans.scanned_pdf(*(scans.paragraphs(rng, 700) for _ in range(2)))
        self._with_scans = [_scan_mail(pdf, at) if at % ONE_IN == 0 else raw for at, raw in enumerate(mails, 1)]
        self._without = [raw for at, raw in enumerate(mails, 1) if at % ONE_IN]
        self._redis = MortalRedis(folder / "redis")
        self._redis.start(is_durable=False)
        self._client = redis.Redis(port=self._redis.port)

    def run(self, *, has_scans: bool, processes: int) -> Run:
        """Work on all mails, or on those without scans; end when the latter are stored."""
        self._turn += 1
        path = self._folder / f"{self._turn}.db"
        mails = self._with_scans if has_scans else self._without
        settings = self._settings(f"sqlite:///{path}", len(mails))
        open_store(settings.database_url).close()
        self._client.flushall()
        publish(settings, mails)
        worker = _started(settings, processes)
        began = datetime.now(UTC)
        self._wait_until_stored(path, len(mails) - len(self._without))
        ended, done = _last_stored(path)
        worker.terminate()
        cpu_s, peak_mb = worker.communicate()[0].split()
        others = len(self._without)
        return Run(others / (ended - began).total_seconds(), float(cpu_s) / others * 1e6, done, float(peak_mb))

    def close(self) -> None:
        """Stop Redis."""
        self._client.close()
        self._redis.kill()

    def _wait_until_stored(self, path: Path, scans_published: int) -> None:
        deadline = time.monotonic() + MOST_S
        while self._client.xlen(STREAM) > scans_published or _stored(path) < len(self._without):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the other mails were not stored within {MOST_S:.0f} s")
            time.sleep(LOOK_EVERY_S)

    def _settings(self, url: str, mails: int) -> Settings:
        redis_url = f"redis://127.0.0.1:{self._redis.port}/0"
        return load(redis_url=redis_url, database_url=url, redis_max_stream_length=mails + 1)


def _started(settings: Settings, processes: int) -> subprocess.Popen[str]:
    """Return a worker that has just begun to work; everything is imported by then."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "scripts.bench.worker_contender", "product"],
        env={
            **os.environ,
            "REDIS_URL": settings.redis_url,
            "DATABASE_URL": settings.database_url,
            "ATTACHMENT_PROCESSES": str(processes),
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    assert worker.stdin is not None
    assert worker.stdout.readline() == "ready\n"
    worker.stdin.write("\n")
    worker.stdin.flush()
    return worker


def _stored(path: Path) -> int:
    return int(_asked(path, "SELECT count(*) FROM raw_emails WHERE subject <> ?")[0])


def _last_stored(path: Path) -> tuple[datetime, int]:
    """Return when the last mail without a scan was written, and how many scans were stored by now."""
    last = str(_asked(path, "SELECT max(created_at) FROM raw_emails WHERE subject <> ?")[0])
    done = int(_asked(path, "SELECT count(*) FROM raw_emails WHERE subject = ?")[0])
    return datetime.fromisoformat(last).replace(tzinfo=UTC), done


def _asked(path: Path, query: str) -> tuple[str | int, ...]:
    connection = sqlite3.connect(path, timeout=10)
    try:
        row: tuple[str | int, ...] = connection.execute(query, (SUBJECT,)).fetchone()
    finally:
        connection.close()
    return row


def _scan_mail(pdf: bytes, number: int) -> bytes:
    data = base64.encodebytes(scans.own_copy(pdf, number)).replace(b"\n", b"\r\n")
    return (
        f"From: Scanner <scanner@example.org>\r\nTo: Reader <reader@example.org>\r\nSubject: {SUBJECT}\r\n"
        f"Date: Mon, 4 May 2026 12:00:00 +0200\r\nMessage-ID: <scan{number}@example.org>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="mix"\r\n\r\n'
        "--mix\r\nContent-Type: text/plain\r\n\r\nSee attached.\r\n"
        f'--mix\r\nContent-Type: application/pdf; name="scan{number}.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    ).encode() + data + b"--mix--\r\n"  # fmt: skip


def compare(mailbox: Mailbox, processes: Sequence[int], rounds: int) -> None:
    """Take turns and print the medians."""
    without: list[Run] = []
    beside: dict[int, list[Run]] = {number: [] for number in processes}
    for _ in range(rounds):
        without.append(mailbox.run(has_scans=False, processes=1))
        for number, runs in beside.items():
            runs.append(mailbox.run(has_scans=True, processes=number))
    floor = statistics.median(run.rate for run in without)
    cpu_us = statistics.median(run.cpu_us for run in without)
    print(f"without scans {floor:.0f} mails/s, {cpu_us:.0f} µs of CPU a mail")
    for number, runs in beside.items():
        rate = statistics.median(run.rate for run in runs)
        ratio, peak_mb = rate / floor, max(run.peak_mb for run in runs)
        print(
            f"1 in {ONE_IN} a scan, {number} child process{'es' if number > 1 else ''}: {rate:.0f} mails/s, "
            f"{statistics.median(run.cpu_us for run in runs):.0f} µs of CPU a mail, "
            f"{statistics.median(run.scans_done for run in runs):.0f} scans read meanwhile, {peak_mb:.0f} MB: "
            f"{ratio:.2f} (target {TARGET}){'' if ratio >= TARGET else '  MISSED'}"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="half of the mails, fewer rounds")
    parser.add_argument("--mails", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=0)
    options = parser.parse_args()
    # At least 6,000: 120 scans are more than a worker has under way at a time, and must hold nothing back either.
    number, rounds = (
        options.mails or (6_000 if options.short else 12_000),
        options.rounds or (2 if options.short else 5),
    )
    print(f"--- {number} mails, {number // ONE_IN} of them scans of two pages; load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="bench-beside-") as folder:
        mailbox = Mailbox(Path(folder), number)
        try:
            compare(mailbox, sorted({1, load().attachment_processes}), rounds)
        finally:
            mailbox.close()


if __name__ == "__main__":
    main()
