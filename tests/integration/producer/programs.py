"""Producers as processes of their own, on a real Redis, for the tests that kill them.

They are forked from a server that has imported everything, and so start in milliseconds.
"""

import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from src.stream.options import options_from
from src.stream.protocol import ProducerStream
from src.stream.redis_stream import RedisStream
from tests.fixtures.redis_servers import RedisServer, connection_to, settings_for

ACCOUNT = "alice"
Command = Literal["import", "producer"]

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.fakes.worker_process", "src.assembly.imports", "producer"])


class Program:
    """A command in a process of its own."""

    def __init__(self, command: Command, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        self._process = _context.Process(target=_run, args=(command, list(arguments), dict(environment), str(log)))
        self._process.start()

    def wait(self, timeout_s: float) -> int:
        """Wait for its end and return its exit code."""
        self._process.join(timeout_s)
        assert self._process.exitcode is not None, f"still running after {timeout_s} s: {self.said()[-2000:]}"
        return self._process.exitcode

    def stop(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def kill9(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.join()

    def said(self) -> str:
        """Return what it printed."""
        return self._log.read_text(encoding="utf-8")


def start_import(redis: RedisServer, path: Path, *, kind: str = "mbox", **settings: str) -> Program:
    """Begin an import."""
    return Program("import", [kind, str(path)], _environment(redis, path.parent, settings), path.parent / "import.log")


def start_producer(redis: RedisServer, folder: Path, *arguments: str, **settings: str) -> Program:
    """Begin `python producer.py ARGUMENTS`."""
    log = folder / f"producer-{len(list(folder.iterdir()))}.log"
    return Program("producer", arguments, _environment(redis, folder, settings), log)


def _environment(redis: RedisServer, folder: Path, settings: Mapping[str, str]) -> dict[str, str]:
    ports = {f"PRODUCER_{what}_PORT": "0" for what in ("METRICS", "HEALTH")}
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    own = {"REDIS_URL": redis.url, "DATABASE_URL": f"sqlite:///{folder}/mail.db", "LOG_LEVEL": "WARNING"}
    return {**kept, **ports, **own, **settings}


def _run(command: Command, arguments: list[str], environment: dict[str, str], log: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.exit(_import(*arguments) if command == "import" else _produce(arguments))


def _import(kind: str, path: str) -> int:
    from rich.console import Console

    from config.settings import load
    from src.assembly.imports import run_import

    console = Console(stderr=True)
    return run_import(load(), console, kind=kind, path=Path(path), account=ACCOUNT).exit_code


def _produce(arguments: list[str]) -> int:
    from producer import main

    return main(arguments)


def stream_on(redis: RedisServer) -> RedisStream:
    """Return the stream to look at; its connections end with the test's server."""
    return RedisStream(connection_to(redis.url), options_from(settings_for(redis.url)))


def published(stream: RedisStream) -> int:
    """Return how many mails were ever put on the stream."""
    return stream.stats().counters.get("published", 0)


def times_on_the_stream(stream: ProducerStream, account: str, mailbox: str) -> Counter[str]:
    """Return how many entries each mail of a mailbox has; each should have one."""
    return Counter(ticket.source_id for ticket, _ in stream.tickets_of(account, mailbox))


def everything_in(redis: RedisServer) -> dict[bytes, bytes]:
    """Return every key with its content."""
    with redis.client() as client:
        return {key: client.dump(key) for key in client.scan_iter("*")}
