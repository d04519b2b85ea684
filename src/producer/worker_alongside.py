"""A worker process beside an import, so that one command takes a file all the way into the database.

The worker runs until the import is over and nothing is on its way, then it is asked to end. If it dies it is started
again a few times; after that, or when it cannot be started any more, the import is stopped. It also ends by itself if
this process dies.
"""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from src.common.errors import WorkerCrashedError
from src.common.logs import get_logger
from src.common.shutdown import Shutdown
from src.stream.protocol import ProducerStream

log = get_logger(__name__)

MAX_STARTS = 5  # a worker that dies more often will not get through
END_TIMEOUT_S = 60.0  # above the grace of an ordered end
LOOK_EVERY_S = 0.2  # whether it lives, and whether all is done


@dataclass(frozen=True, slots=True)
class WorkerCommand:
    """How to start a worker."""

    arguments: Sequence[str]
    environment: Mapping[str, str]  # on top of this process's own


class WorkerAlongside:
    """One worker process, kept alive by a thread until `end`."""

    def __init__(self, command: WorkerCommand, stream: ProducerStream, shutdown: Shutdown) -> None:
        self._command = command
        self._stream = stream
        self._shutdown = shutdown
        self._starts = 0
        self._failure = ""  # why there is no worker any more
        self._ending = threading.Event()
        self._process = self._start()
        self._thread = threading.Thread(target=self._keep_alive, name="worker-alongside", daemon=True)
        self._thread.start()

    def finish(self) -> bool:
        """Wait until nothing is on its way; False if a stop is asked for before.

        Raises WorkerCrashedError if it keeps dying, or cannot be started.
        """
        while not self._shutdown.wait(LOOK_EVERY_S):
            stats = self._stream.stats()
            if not stats.waiting and not stats.retries:
                return True
        if self._failure:
            raise WorkerCrashedError(self._failure)
        return False

    def end(self) -> None:
        """Ask it to end, and wait until it has."""
        self._ending.set()
        self._thread.join()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _keep_alive(self) -> None:
        while not self._ending.wait(LOOK_EVERY_S) and not self._shutdown.is_asked:
            if self._process.poll() is None:
                continue
            log.warning("worker_ended", exit_code=self._process.returncode, starts=self._starts)
            if self._starts >= MAX_STARTS:
                self._give_up(f"the worker beside the import ended {MAX_STARTS} times: see its messages above")
                return
            try:
                self._process = self._start()
            except WorkerCrashedError as error:
                self._give_up(str(error))
                return

    def _give_up(self, failure: str) -> None:
        self._failure = failure
        self._shutdown.ask()

    def _start(self) -> "subprocess.Popen[bytes]":
        """Start it. Raises WorkerCrashedError if that cannot be done."""
        self._starts += 1
        try:
            return subprocess.Popen(self._command.arguments, env={**os.environ, **self._command.environment})
        except OSError as error:  # no memory or processes left, or the program is gone
            raise WorkerCrashedError(f"the worker beside the import could not be started: {error.strerror}") from error


@contextmanager
def worker_alongside(command: WorkerCommand, stream: ProducerStream, shutdown: Shutdown) -> Iterator[WorkerAlongside]:
    """Run a worker while the block runs."""
    worker = WorkerAlongside(command, stream, shutdown)
    try:
        yield worker
    finally:
        worker.end()
