"""Producers as processes of their own, on a real Redis, for the tests that kill them."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from src.stream.options import options_from
from src.stream.protocol import ProducerStream
from src.stream.redis_stream import RedisStream
from tests.fixtures.redis_servers import RedisServer, connection_to, settings_for

ROOT = Path(__file__).resolve().parents[3]
ACCOUNT = "alice"

_IMPORT = """
import sys
from pathlib import Path
from rich.console import Console
from config.settings import load
from src import assembly
from src.common import logs
logs.configure(level="WARNING", format_="json")
done = assembly.run_import(load(), Console(stderr=True), kind=sys.argv[1], path=Path(sys.argv[2]), account="alice")
sys.exit(done.exit_code)
"""


def environment(redis: RedisServer, folder: Path, **more: str) -> dict[str, str]:
    """Return the settings of a process, and nothing of the developer's own."""
    ports = {f"PRODUCER_{what}_PORT": "0" for what in ("METRICS", "HEALTH")}
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    own = {"REDIS_URL": redis.url, "DATABASE_URL": f"sqlite:///{folder}/mail.db", "LOG_LEVEL": "WARNING"}
    return {**kept, **ports, **own, **more}


def start_import(redis: RedisServer, path: Path, *, kind: str = "mbox", **more: str) -> "subprocess.Popen[bytes]":
    """Begin an import in a process of its own; it leads a process group."""
    return subprocess.Popen(
        [sys.executable, "-c", _IMPORT, kind, str(path)],
        cwd=ROOT,
        env=environment(redis, path.parent, **more),
        start_new_session=True,
    )


def run_producer(redis: RedisServer, folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `python producer.py ARGUMENTS` to its end."""
    return subprocess.run(
        [sys.executable, "producer.py", *arguments],
        cwd=ROOT,
        env=environment(redis, folder, **more),
        capture_output=True,
        text=True,
        timeout=60,
    )


def stream_on(redis: RedisServer, **changes: object) -> RedisStream:
    """Return the stream to look at; its connections end with the test's server."""
    return RedisStream(connection_to(redis.url), options_from(settings_for(redis.url, **changes)))


def times_on_the_stream(stream: ProducerStream, mailbox: str) -> Counter[str]:
    """Return how many entries each mail of a mailbox has; each should have one."""
    return Counter(ticket.source_id for ticket, _ in stream.tickets_of(ACCOUNT, mailbox))
