"""Grace: how much time an ordered shutdown has left. One budget for all of its steps."""

import math

from src.common.clock import Clock
from src.common.shutdown import Shutdown


class Grace:
    """Counts from the first look after the stop was asked for; the watchdog looks every second."""

    def __init__(self, shutdown: Shutdown, clock: Clock, grace_s: float) -> None:
        self._shutdown = shutdown
        self._clock = clock
        self._grace_s = grace_s
        self._ends_at: float | None = None

    def left_s(self) -> float:
        """Return the seconds left, below zero when they are over; infinite while no stop was asked for."""
        if not self._shutdown.is_asked:
            return math.inf
        if self._ends_at is None:
            self._ends_at = self._clock.monotonic() + self._grace_s
        return self._ends_at - self._clock.monotonic()
