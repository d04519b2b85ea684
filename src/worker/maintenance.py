"""Maintenance: the chores that keep the stream moving, each on its own timer.

Every worker does them, at moments spread by chance; each is safe when several do it at once.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from src.common.clock import Clock

TICK_S = 0.5  # how often the thread looks whether a chore is due
JITTER = 0.25  # share by which the time to the next round of a chore is spread


@dataclass(frozen=True, slots=True)
class Chore:
    """One thing to do now and then."""

    name: str
    every_s: float
    do: Callable[[], object]


class Maintenance:
    """Does what is due at each call. A chore that fails ends the call, and is tried again at its next turn."""

    def __init__(self, chores: Sequence[Chore], clock: Clock, rng: random.Random) -> None:
        self._chores = chores
        self._clock = clock
        self._rng = rng
        now = clock.monotonic()
        self._due_at = {chore.name: now for chore in chores}

    def __call__(self) -> None:
        for chore in self._chores:
            if self._due_at[chore.name] > self._clock.monotonic():
                continue
            spread = 1.0 + self._rng.uniform(-JITTER, JITTER)
            self._due_at[chore.name] = self._clock.monotonic() + chore.every_s * spread
            chore.do()
