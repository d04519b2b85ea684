"""Storm: mails flow through Redis and two workers into SQLite while everything is killed at random.

kill -9 of who brings the mails, the workers and Redis (durable at every write), workers stopped past their lease, and a
proxy that loses replies. Faults come with progress, so that a fast machine gets as many as a slow one. Which part is
hit is drawn from the seed; the moment depends on the machine. Where the mails come from is the feed's part.
"""

import random
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from config.settings import Settings, load
from scripts.torturing.actor import Actor
from scripts.torturing.audit import audit
from scripts.torturing.feed import ROOT, Feed
from scripts.torturing.lossy_proxy import LossyProxy
from scripts.torturing.mortal_redis import MortalRedis
from src.common.errors import RedisUnavailableError
from src.common.exit_codes import STOPPED
from src.common.redis_client import connect
from src.stream.options import options_from
from src.stream.protocol import StreamStats
from src.stream.redis_stream import RedisStream

LEASE_S = 1
STALL_S = 2.5  # longer than a lease and the reclaiming after it
LOOK_EVERY_S = 0.02
CALM_TIMEOUT_S = 600.0  # for the rest, once the storm is over
END_TIMEOUT_S = 40.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How hard a storm is to be."""

    mails: int
    seed: int
    most_minutes: float  # of faults; then the rest is left to flow in peace
    faults: int  # about this many, spread over the run
    reply_loss: float  # chance that a chunk of replies is lost
    batch_size: int = 50
    no_progress_s: float = 4.0  # a fault comes at the latest after this
    max_crashes: int = 5  # before a mail is dead; kills are no fault of the mails that were in hand


@dataclass(slots=True)
class Result:
    """How a storm went. `findings` is empty when every promise held."""

    findings: list[str] = field(default_factory=list)
    kills: dict[str, int] = field(default_factory=dict)
    tallies: dict[str, int] = field(default_factory=dict)  # of the source
    lost_replies: int = 0
    stalls: int = 0
    seconds: float = 0.0
    stats: StreamStats | None = None


class Storm:
    """One run, in a folder of its own; `run` once. `redis_port` 0: one that is free just now."""

    def __init__(self, plan: Plan, folder: Path, feed: Feed, *, redis_port: int = 0) -> None:
        self._plan = plan
        self._feed = feed
        self._rng = random.Random(plan.seed)
        self._redis = MortalRedis(folder / "redis", port=redis_port)
        self._proxy = LossyProxy(self._redis.port, loss=plan.reply_loss, seed=plan.seed)
        self._database_url = f"sqlite:///{folder}/mail.db"
        self._log = folder / "processes.log"
        worker = [sys.executable, str(ROOT / "worker.py")]
        self._workers = [
            Actor(f"worker {index}", worker, self._environment(), self._log, last_codes=()) for index in range(2)
        ]
        self._connection = connect(self._settings())
        self._stream = RedisStream(self._connection, options_from(self._settings()))
        self._result = Result()

    def run(self) -> Result:
        """Let the mails flow through the storm, then compare."""
        began = time.monotonic()
        self._redis.start()
        try:
            self._feed.begin(self._environment(), self._log)
            self._blow(began + self._plan.most_minutes * 60)
            self._calm_down()
            self._result.findings += self._ends()
            self._result.findings += audit(self._settings())
            self._result.findings += self._feed.findings(self._settings())
            self._result.stats = self._stats()
        finally:
            self._clean_up()
        self._result.kills = {actor.name: actor.kills for actor in self._all_actors()} | {
            "redis": self._redis.kills - 1
        }
        self._result.tallies = self._feed.tallies()
        self._result.lost_replies = self._proxy.lost
        self._result.seconds = time.monotonic() - began
        return self._result

    def _all_actors(self) -> list[Actor]:
        return [*self._feed.bringers, *self._workers]

    def _keep_alive(self) -> None:
        for actor in (self._feed.bringers[-1], *self._workers):
            actor.keep_alive()

    def _blow(self, until: float) -> None:
        """Hurt something each time a share of the mails was settled, until all are."""
        step = max(self._plan.mails // self._plan.faults, 1)
        next_at, last_fault = step, time.monotonic()
        while time.monotonic() < until and not self._is_all_through():
            self._keep_alive()
            time.sleep(LOOK_EVERY_S)
            self._feed.stir(self._through())
            is_due = self._through() >= next_at or time.monotonic() - last_fault > self._plan.no_progress_s
            if is_due and self._hurt():
                next_at, last_fault = self._through() + self._rng.randint(1, 2 * step), time.monotonic()

    def _hurt(self) -> bool:
        """Do one thing at random; return whether there was something to hurt."""
        dice = self._rng.random()
        if dice < 0.50:
            return self._rng.choice(self._workers).kill()
        if dice < 0.75:
            return self._feed.bringers[-1].kill()
        if dice < 0.88:
            self._redis.kill()
            time.sleep(self._rng.uniform(0.0, 0.5))
            self._redis.start()
            return True
        victim = self._rng.choice(self._workers)
        if not victim.stall():
            return False
        time.sleep(STALL_S)
        victim.wake()
        self._result.stalls += 1
        return True

    def _calm_down(self) -> None:
        self._proxy.loss = 0.0
        self._feed.calm_down()
        deadline = time.monotonic() + CALM_TIMEOUT_S
        while not self._is_all_through():
            self._keep_alive()
            time.sleep(0.05)
            if time.monotonic() > deadline:
                self._result.findings.append(f"not all came through: {self._stats()}")
                return

    def _ends(self) -> list[str]:
        """End the workers in order; return what is wrong with that, or with an earlier end of their own accord."""
        codes = {worker.name: worker.end(END_TIMEOUT_S) for worker in self._workers}
        # One that was restarted just now may not listen to signals yet: it has nothing in hand, and just ends.
        well = (0, None, -signal.SIGTERM, STOPPED)
        findings = [f"{name} ended with {code}" for name, code in codes.items() if code not in well]
        return findings + [f"{actor.name} gave up: {actor.odd_ends}" for actor in self._workers if actor.odd_ends]

    def _is_all_through(self) -> bool:
        stats = self._stats()
        on_the_way = stats.waiting + stats.retries
        return self._feed.is_over() and not on_the_way

    def _through(self) -> int:
        counters = self._stats().counters
        return counters.get("settled", 0) + counters.get("dead", 0)

    def _stats(self) -> StreamStats:
        try:
            return self._stream.stats()
        except RedisUnavailableError:
            return StreamStats(waiting=1, pending=0, retries=0, retries_due=0, dead=0)

    def _settings(self) -> Settings:
        """Settings that go past the proxy, for looking."""
        return load(redis_url=f"redis://127.0.0.1:{self._redis.port}/0", database_url=self._database_url)

    def _environment(self) -> dict[str, str]:
        return {
            "REDIS_URL": f"redis://127.0.0.1:{self._proxy.port}/0",
            "DATABASE_URL": self._database_url,
            "PYTHONPATH": str(ROOT),
            "LOG_FORMAT": "json",
            "LEASE_SECONDS": str(LEASE_S),
            "BATCH_SIZE": str(self._plan.batch_size),
            "REDIS_MAX_STREAM_LENGTH": str(max(self._plan.mails // 4, 50)),
            "MAX_CRASHES": str(self._plan.max_crashes),
            "WORKER_METRICS_PORT": "0",
            "WORKER_HEALTH_PORT": "0",
        }

    def _clean_up(self) -> None:
        for actor in self._all_actors():
            actor.wake()
            actor.kill()
        self._feed.close()
        self._connection.close()
        self._proxy.close()
        self._redis.kill()
