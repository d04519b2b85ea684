"""A workplace: one Redis, one database, mails to publish and worker processes to start, hurt and count."""

import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from config.settings import Settings
from scripts.torturing.mortal_redis import MortalRedis
from src.common.redis_client import RedisConnection, connect
from src.model.envelope import Envelope, Kind, Place, envelope_id
from src.store.opening import open_store
from src.store.protocol import KnownMail
from src.stream.options import options_from
from src.stream.protocol import Outgoing, StreamStats
from src.stream.redis_stream import RedisStream
from src.stream.ticket_codec import encode_payload
from tests.fixtures.services import PATIENCE_S, wait_until
from tests.integration.worker.forked import ForkedWorker

STREAM = "email_ingestion_stream"
ACCOUNT, MAILBOX = "alice@example.org", "INBOX"
Process = ForkedWorker | subprocess.Popen[bytes]
ROOT = Path(__file__).resolve().parents[3]
END_TIMEOUT_S = 40.0


def make_mail(number: int, poison: str = "") -> bytes:
    """Return a small mail; `poison` says what it does to the parser of the tests' worker."""
    header = f"X-Poison: {poison}\r\n" if poison else ""
    return (
        f"{header}From: bob@example.org\r\nTo: {ACCOUNT}\r\nSubject: number {number}\r\n"
        f"Message-ID: <{number}@example.org>\r\nDate: Mon, 4 May 2026 12:00:00 +0000\r\n\r\nmail {number}\r\n"
    ).encode()


class Workplace:
    """Ends every process it started when closed."""

    def __init__(self, folder: Path, redis: MortalRedis, database_url: str = "") -> None:
        self.redis = redis
        self.database_url = database_url or f"sqlite:///{folder}/mail.db"
        self._folder = folder
        self._processes: list[Process] = []
        self._published = 0
        settings = self.settings(LEASE_SECONDS="60")  # of the mailbox: putting a huge mail on the stream takes a while
        self._connection: RedisConnection = connect(settings)
        self.stream = RedisStream(self._connection, options_from(settings))
        self.stream.ensure_group()

    def settings(self, **changes: str) -> Settings:
        """Return the settings that its workers have."""
        return Settings(_env_file=None, **{name.lower(): value for name, value in self._environment(changes).items()})  # type: ignore[call-arg, arg-type]

    def publish(self, mails: Sequence[bytes]) -> list[str]:
        """Put mails on the stream; return their source ids."""
        lease = self.stream.acquire_lease(ACCOUNT, MAILBOX, "test")
        assert lease is not None
        before = self.stream.load_cursor(ACCOUNT, MAILBOX)
        outgoing, source_ids = [], []
        for raw in mails:
            self._published += 1
            envelope = _envelope(self._published, raw)
            source_ids.append(envelope.source_id)
            outgoing.append(Outgoing(envelope.id, Kind.ADDED, encode_payload(envelope, {}), raw))
        after = before.moved(last_uid=self._published, uidvalidity=1)
        published = self.stream.publish(lease, outgoing, before=before, after=after)
        assert published.added == len(mails), published
        self.stream.release_lease(lease)
        return source_ids

    def start_worker(self, *arguments: str, **changes: str) -> ForkedWorker:
        """Start a worker process; `changes` are settings and what the fake worker knows."""
        worker = ForkedWorker(arguments, self._environment(changes), self._folder / "workers.log")
        self._processes.append(worker)
        return worker

    def start_program(self, command: Sequence[str], **changes: str) -> subprocess.Popen[bytes]:
        """Start any program in this workplace's environment, with its log beside the others'."""
        with (self._folder / "workers.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], **self._environment(changes)},
                stdout=log,
                stderr=log,
            )
        self._processes.append(process)
        return process

    def drain(self, **changes: str) -> int:
        """Run a worker with --drain to its end; return its exit code."""
        return self.end(self.start_worker("--drain", **changes))

    def drain_with_restarts(self, **changes: str) -> int:
        """Drain, and start a worker that dies again, as a supervisor would; return the number of deaths."""
        deaths = 0
        while self.drain(**changes) not in (0, 1):
            deaths += 1
            assert deaths < 20
        return deaths

    def end(self, process: Process, timeout_s: float = END_TIMEOUT_S) -> int:
        """Wait for a worker's end; return its exit code."""
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the worker does not end:\n{self.log()}") from None

    def wait_for(self, *, settled: int, timeout_s: float = PATIENCE_S) -> None:
        """Wait until so many mails were settled in all."""
        wait_until(
            lambda: self.stats().counters.get("settled", 0) >= settled, what=f"{settled} settled", timeout_s=timeout_s
        )

    def wait_for_log(self, event: str, timeout_s: float = PATIENCE_S) -> None:
        """Wait until a worker has logged `event`."""
        wait_until(lambda: bool(self.logged(event)), what=f"a worker logs {event}", timeout_s=timeout_s)

    def add_entry(self, fields: Mapping[str, str | bytes]) -> None:
        """Put an entry on the stream past the producer, as a stranger would."""
        self._client.xadd(STREAM, fields)

    def extend_entries(self, fields: Mapping[str, str], payload: Mapping[str, object]) -> None:
        """Replace each entry by one that says more, as a newer release may write it."""
        for entry_id, told in self._client.xrange(STREAM):
            more = orjson.dumps({**orjson.loads(told[b"payload"]), **payload})
            self._client.xdel(STREAM, entry_id)
            added = self._client.xadd(STREAM, {**told, **fields, "payload": more})
            said = self._client.hget(f"{STREAM}:ledger", told[b"id"])
            assert said is not None
            self._client.hset(f"{STREAM}:ledger", told[b"id"], said.replace(entry_id, added))

    def delete_raw(self, source_id: str) -> None:
        """Delete a raw mail by hand."""
        assert self._client.delete(f"{STREAM}:raw:{envelope_id(ACCOUNT, source_id)}") == 1

    def forget_everything(self) -> None:
        """FLUSHALL."""
        self._client.flushall()

    def limit_memory(self, of_used: float) -> None:
        """Allow Redis this share of the memory that it uses now; 0: as much as it likes."""
        used = int(self._client.info("memory")["used_memory"])
        self._client.config_set("maxmemory", int(used * of_used))

    def peak_memory_mb(self, process: Process) -> float:
        """Watch a process until it ends; return the most memory it held."""
        peak_kib = 0
        while process.poll() is None:
            try:
                status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
            except OSError:
                break
            peak_kib = max([peak_kib, *(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line)])
            time.sleep(0.02)
        return peak_kib / 1024

    @property
    def _client(self) -> Any:
        return self._connection.commands

    def stats(self) -> StreamStats:
        """Look at the stream."""
        return self.stream.stats()

    def stored(self) -> dict[str, KnownMail]:
        """Return what the database knows, by source id."""
        store = open_store(self.database_url)
        try:
            known = list(store.known_mails(ACCOUNT))
        finally:
            store.close()
        assert len({mail.source_id for mail in known}) == len(known)
        return {mail.source_id: mail for mail in known}

    def dead(self) -> dict[str, str]:
        """Return the dead letters: source id to code; what is unreadable has no id."""
        return {letter.ticket.source_id if letter.ticket else "": letter.code for letter in self.stream.list_dead()}

    def check_all_settled(self, source_ids: Sequence[str], mails: Sequence[bytes], *, dead: Sequence[str] = ()) -> None:
        """Check that each mail is stored once, with its own bytes' hash, or dead as expected; and no key is left."""
        stored = self.stored()
        expected = {
            source_id: hashlib.sha256(raw).hexdigest()
            for source_id, raw in zip(source_ids, mails, strict=True)
            if source_id not in dead
        }
        assert {source_id: mail.sha256 for source_id, mail in stored.items()} == expected
        assert set(self.dead()) == set(dead)
        stats = self.stats()
        assert (stats.waiting, stats.pending, stats.retries) == (0, 0, 0)
        raws = {key for key in self._connection.commands.keys("*") if b":raw:" in key}
        assert len(raws) == len(dead)

    def log(self) -> str:
        """Return what the workers logged."""
        path = self._folder / "workers.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def logged(self, event: str) -> list[dict[str, object]]:
        """Return the logged events of this name."""
        lines = [orjson.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("event") == event]

    def close(self) -> None:
        """End every worker and connection."""
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()
        self._connection.close()

    def _environment(self, changes: dict[str, str]) -> dict[str, str]:
        return {
            "REDIS_URL": f"redis://127.0.0.1:{self.redis.port}/0",
            "DATABASE_URL": self.database_url,
            "LEASE_SECONDS": "1",
            "WORK_TIMEOUT_SECONDS": "20",
            "DLQ_INITIAL_BACKOFF_SECONDS": "0.05",
            "DLQ_MAX_BACKOFF_SECONDS": "0.3",
            "DLQ_MAX_RETRY_ATTEMPTS": "3",
            "BLOCK_TIMEOUT_MS": "100",
            "ATTACHMENT_PROCESSES": "2",
            **changes,
        }


def _envelope(number: int, raw: bytes) -> Envelope:
    now = datetime.now(UTC)
    return Envelope(
        account=ACCOUNT,
        source="imap",
        source_id=f"{MAILBOX}/1/{number}",
        kind=Kind.ADDED,
        place=Place(MAILBOX, 1, number),
        fetched_at=now,
        labels=(),
        received_at=now,
        raw=raw,
        size_bytes=len(raw),
    )
