"""Turns: so many at once, the others in the order in which they came.

`threading.Semaphore` keeps no order: a thread that comes back at once takes its own place again, and one with a queue
of mails kept a mail that is waited for alone, and with it the main loop, waiting for as long as there were any.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Thread-safe; `most` at a time."""

    def __init__(self, most: int) -> None:
        self._lock = threading.Lock()
        self._free = most
        self._waiting: deque[threading.Event] = deque()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Wait for a turn, and have it until the end of the block."""
        self._wait()
        try:
            yield
        finally:
            self._pass_on()

    def _wait(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            called = threading.Event()
            self._waiting.append(called)
        called.wait()

    def _pass_on(self) -> None:
        """Give the turn to the first that waits; nobody who comes meanwhile can take it."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1
