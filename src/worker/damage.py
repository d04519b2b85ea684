"""Damage limit: a release or a setting that turns nearly every mail away is stopped before it has turned away all.

Counts only final outcomes. The dead letters keep everything, so the damage up to here is undone by a replay.
"""

from collections import deque

WINDOW = 500  # final outcomes that are looked at, the latest ones
LEAST_DEAD = 100  # dead letters below this number never stop a worker: some imports are simply bad
STOP_SHARE = 0.9  # share of dead letters among the latest outcomes from which on the worker stops


class DamageLimit:
    """Whether nearly everything fails for good. Used from one thread."""

    def __init__(self, *, window: int = WINDOW, least_dead: int = LEAST_DEAD, stop_share: float = STOP_SHARE) -> None:
        self._latest: deque[bool] = deque(maxlen=window)
        self._dead = 0
        self._least_dead = least_dead
        self._stop_share = stop_share

    def count(self, *, done: int = 0, dead: int = 0) -> None:
        """Count final outcomes; of several at once, the good ones come first."""
        for is_dead in [False] * done + [True] * dead:
            if len(self._latest) == self._latest.maxlen and self._latest[0]:
                self._dead -= 1
            self._latest.append(is_dead)
            self._dead += is_dead

    @property
    def is_reached(self) -> bool:
        """True when the worker should stop."""
        return self._dead >= self._least_dead and self._dead >= self._stop_share * len(self._latest)
