"""dramatiq and celery doing jobs that do nothing, as their users would set them up for speed: one worker process each.

Imported by their own worker programs too; the Redis to use comes from `BENCH_REDIS_URL`.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable

import celery
import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

URL = os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379/0")
POLL_S = 0.005
START_TIMEOUT_S = 60.0

broker = RedisBroker(url=URL)
dramatiq.set_broker(broker)
app = celery.Celery("bench", broker=URL)
app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=100, broker_connection_retry_on_startup=True)


@dramatiq.actor  # type: ignore[untyped-decorator]  # read without its types, see pyproject.toml
def nothing_dramatiq(_number: int) -> None:
    """Do nothing."""


@app.task  # type: ignore[untyped-decorator]  # the same
def nothing_celery(_number: int) -> None:
    """Do nothing."""


def dramatiq_seconds(client: "redis.Redis", jobs: int) -> tuple[float, float]:
    """Return the seconds to enqueue and to work off so many jobs."""
    began = time.perf_counter()
    for number in range(jobs):
        nothing_dramatiq.send(number)
    enqueued_s = time.perf_counter() - began
    command = [sys.executable, "-m", "dramatiq", "--processes", "1", "--threads", "8", "scripts.bench.stream_peers"]
    return enqueued_s, _drained_s(client, command, jobs, lambda: int(client.hlen("dramatiq:default.msgs")))


def celery_seconds(client: "redis.Redis", jobs: int) -> tuple[float, float]:
    """Return the seconds to enqueue and to work off so many jobs."""
    began = time.perf_counter()
    with app.producer_pool.acquire(block=True) as producer:
        for number in range(jobs):
            nothing_celery.apply_async((number,), producer=producer)
    enqueued_s = time.perf_counter() - began
    command = [sys.executable, "-m", "celery", "-A", "scripts.bench.stream_peers", "worker", "--pool", "solo"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR"]
    return enqueued_s, _drained_s(client, command, jobs, lambda: int(client.llen("celery") + client.hlen("unacked")))


def _drained_s(client: "redis.Redis", command: list[str], jobs: int, left: Callable[[], int]) -> float:
    """Run a worker; return the seconds from its first finished job to its last, for all jobs."""
    address = f"redis://127.0.0.1:{client.get_connection_kwargs()['port']}/0"
    worker = subprocess.Popen(
        command,
        env={**os.environ, "BENCH_REDIS_URL": address},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while (waiting := left()) >= jobs and time.monotonic() < deadline:
            time.sleep(POLL_S)
        began, first = time.perf_counter(), waiting
        while left():
            time.sleep(POLL_S)
        return (time.perf_counter() - began) * jobs / max(1, first)
    finally:
        worker.terminate()
        worker.wait(30)
