"""Beats: when each loop of the process last went round well, and when it last moved. Read by `/ready`, `/health` and
the watchdog.

A loop beats after a round that did what it is for: a poll that ended, a read that Redis answered, a commit. A failed
round does not beat, so that a loop which only fails looks as still as one that hangs. A loop that is alive but waits
for a service says so with `trouble`: it is late at once, yet it moves, so that the watchdog leaves it alone.
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
        self._moved: dict[str, float] = {}
        self._troubles: dict[str, str] = {}

    def expect(self, loop: str, *, within_s: float) -> None:
        """Say that `loop` beats at least every `within_s` seconds while it is well; counts from now."""
        with self._lock:
            self._limits[loop] = within_s
            self._last[loop] = self._moved[loop] = self._clock.monotonic()

    def beat(self, loop: str) -> None:
        """Say that `loop` just went round well."""
        with self._lock:
            self._last[loop] = self._moved[loop] = self._clock.monotonic()
            self._troubles.pop(loop, None)
        LOOP_BEAT_TIMESTAMP.labels(loop).set(self._clock.now().timestamp())

    def move(self, loop: str) -> None:
        """Say that `loop` is alive, in the middle of a round. Cheap: called for every mail."""
        self._moved[loop] = self._clock.monotonic()

    def trouble(self, loop: str, code: str) -> None:
        """Say that `loop` is alive but met the error `code`; it is late until its next beat."""
        with self._lock:
            self._moved[loop] = self._clock.monotonic()
            self._troubles[loop] = code

    def forget(self, loop: str) -> None:
        """Say that `loop` ended as it should and owes no more beats."""
        with self._lock:
            self._limits.pop(loop, None)
            self._last.pop(loop, None)
            self._moved.pop(loop, None)
            self._troubles.pop(loop, None)

    def ages_s(self) -> Mapping[str, float]:
        """Return for each loop the seconds since its last beat."""
        now = self._clock.monotonic()
        with self._lock:
            return {loop: now - at for loop, at in self._last.items()}

    def stillness_s(self, loop: str) -> float:
        """Return the seconds since `loop` last moved, beats included; 0 for a loop that is not expected."""
        return self._clock.monotonic() - self._moved.get(loop, self._clock.monotonic())

    def limits_s(self) -> Mapping[str, float]:
        """Return for each expected loop within how many seconds it beats."""
        with self._lock:
            return dict(self._limits)

    def late(self) -> Mapping[str, float]:
        """Return the loops that should have beaten since, or are in trouble, with the seconds since they beat."""
        ages = self.ages_s()
        with self._lock:
            return {
                loop: ages[loop]
                for loop, within_s in self._limits.items()
                if ages.get(loop, 0.0) > within_s or loop in self._troubles
            }

    def troubles(self) -> Mapping[str, str]:
        """Return the loops that met an error in their last round, with its code."""
        with self._lock:
            return dict(self._troubles)
