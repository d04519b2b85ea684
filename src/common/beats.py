"""Beats: when each loop of the process last went round well. Read by `/ready`, `/health` and the watchdog.

A loop beats after a round that did what it is for: a poll that ended, a read that Redis answered, a commit. A failed
round does not beat, so that a loop which only fails looks as still as one that hangs.
"""

import threading
from collections.abc import Mapping

from src.common.clock import Clock
from src.common.instruments import LOOP_BEAT_TIMESTAMP


class Beats:
    """The beats of one process. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last: dict[str, float] = {}
        self._limits: dict[str, float] = {}

    def expect(self, loop: str, *, within_s: float) -> None:
        """Say that `loop` beats at least every `within_s` seconds while it is well; counts from now."""
        with self._lock:
            self._limits[loop] = within_s
            self._last[loop] = self._clock.monotonic()

    def beat(self, loop: str) -> None:
        """Say that `loop` just went round well."""
        with self._lock:
            self._last[loop] = self._clock.monotonic()
        LOOP_BEAT_TIMESTAMP.labels(loop).set(self._clock.now().timestamp())

    def forget(self, loop: str) -> None:
        """Say that `loop` ended as it should and owes no more beats."""
        with self._lock:
            self._limits.pop(loop, None)
            self._last.pop(loop, None)

    def ages_s(self) -> Mapping[str, float]:
        """Return for each loop the seconds since its last beat."""
        now = self._clock.monotonic()
        with self._lock:
            return {loop: now - at for loop, at in self._last.items()}

    def limits_s(self) -> Mapping[str, float]:
        """Return for each expected loop within how many seconds it beats."""
        with self._lock:
            return dict(self._limits)

    def late(self) -> Mapping[str, float]:
        """Return the loops that should have beaten since, with the seconds since they did."""
        ages = self.ages_s()
        with self._lock:
            return {loop: ages[loop] for loop, within_s in self._limits.items() if ages.get(loop, 0.0) > within_s}
