"""Waiting for room on a full stream: seen in a metric, short at first, and shared by all mailboxes of a producer."""

import random
import threading

from src.common.instruments import BACKPRESSURE_SECONDS, IS_BACKPRESSURED

FIRST_WAIT_S = 0.02  # a busy worker frees a batch within some 20 ms
LONGEST_WAIT_S = 1.0  # so that a stream which has room again is not left idle for long


class Room:
    """How many mailboxes wait for room just now. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting = 0

    def begin(self) -> None:
        """Say that a mailbox begins to wait."""
        self._change(+1)

    def end(self) -> None:
        """Say that it waits no more."""
        self._change(-1)

    def waited(self, seconds: float) -> None:
        """Count time spent waiting."""
        BACKPRESSURE_SECONDS.inc(seconds)

    def _change(self, by: int) -> None:
        with self._lock:
            self._waiting += by
            IS_BACKPRESSURED.set(1 if self._waiting else 0)


def wait_for_room_s(tries: int, rng: random.Random) -> float:
    """Return how long to wait before asking again whether there is room; `tries` counts from 1."""
    bound = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(tries - 1, 10))
    return rng.uniform(bound / 2, bound)
