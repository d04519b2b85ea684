"""Waiting for room on a full stream: seen in a metric, short at first, and shared by all mailboxes of a producer."""

import random
import threading

from src.common.instruments import BACKPRESSURE_SECONDS, IS_BACKPRESSURED
from src.common.logs import account_tag, get_logger

log = get_logger(__name__)

FIRST_WAIT_S = 0.02  # a busy worker frees a batch within some 20 ms
LONGEST_WAIT_S = 1.0  # so that a stream which has room again is not left idle for long
CALM_BATCHES = 10  # let in at once, in a row, after which there is room: steady workers make every other batch wait


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


class FullEpisode:
    """A time in which the stream was full for one mailbox, told in the log at its begin and at its end only.

    It ends when several batches in a row were let in at once, or with the last batch of a poll.
    """

    def __init__(self, account: str) -> None:
        self._account = account
        self._is_under_way = False
        self._was_refused = False  # the batch that is being published
        self._calm_batches = 0  # let in at once, in a row
        self._waited_s = 0.0

    def refused(self) -> None:
        """Say that there was no room."""
        self._was_refused = True
        if not self._is_under_way:
            self._is_under_way, self._waited_s = True, 0.0
            log.info("stream_full", account=account_tag(self._account))

    def waited(self, seconds: float) -> None:
        """Count time spent waiting."""
        self._waited_s += seconds

    def published(self, *, is_last: bool) -> None:
        """Say that a batch was published; `is_last`: none is to follow just now."""
        self._calm_batches = 0 if self._was_refused else self._calm_batches + 1
        self._was_refused = False
        if self._is_under_way and (is_last or self._calm_batches >= CALM_BATCHES):
            self._is_under_way = False
            log.info("stream_has_room", account=account_tag(self._account), waited_s=round(self._waited_s, 1))


def wait_for_room_s(tries: int, rng: random.Random) -> float:
    """Return how long to wait before asking again whether there is room; `tries` counts from 1."""
    bound = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(tries - 1, 10))
    return rng.uniform(bound / 2, bound)
