"""A Redis server that is killed and started again on the same port with the same data."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

START_TIMEOUT_S = 20.0


class MortalRedis:
    """Durable at every write (`appendfsync always`), so that whatever was acknowledged must be there after a kill.

    `port` 0: one that is free just now.
    """

    def __init__(self, folder: Path, program: str = "", port: int = 0) -> None:
        self._folder = folder
        self._program = program or shutil.which("redis-server") or "/usr/bin/redis-server"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port or _free_port()
        self.kills = 0
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, *, is_durable: bool = True) -> None:
        """Start, and wait until it has read its data. `is_durable` False: nothing is written to disk."""
        self._process = subprocess.Popen(
            [
                self._program,
                *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder), "--save", ""),
                *(
                    "--appendonly",
                    "yes" if is_durable else "no",
                    "--appendfsync",
                    "always",
                    "--maxmemory-policy",
                    "noeviction",
                ),
                *("--aof-load-truncated", "yes", "--loglevel", "warning"),
            ],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if time.monotonic() > deadline:
                raise TimeoutError("redis-server did not come up")
            time.sleep(0.02)

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self.kills += 1

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1.0) as probe:
                probe.settimeout(1.0)
                probe.sendall(b"PING\r\n")
                return probe.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
