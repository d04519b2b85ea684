"""How a mailbox's loop waits: never past a stop, and after errors longer and longer, until it has proven itself.

A connection that breaks soon after each login must not become a login loop, so the wait is shortened again only when
nothing failed for a while; success in between does not count. Giving up (`--once`) is another matter: that counts
failures in a row without any progress.
"""

import random
from collections.abc import Callable

from src.common.clock import Clock
from src.common.retry import RetryPolicy, next_delay_s
from src.common.shutdown import Shutdown

PROVEN_AFTER_S = 120.0  # without a failure; shorter than the hour after which Gmail ends a session anyway
LOOK_UP_S = 2.0  # how often a wait looks whether it is over
POLICY = RetryPolicy(max_attempts=8, initial_s=1.0, cap_s=120.0)  # tries without progress before `--once` gives up


class StopAskedError(Exception):
    """Raised when a stop was asked for in the middle of a wait. Not a failure."""


class Patience:
    """The waits of one mailbox."""

    def __init__(
        self,
        *,
        shutdown: Shutdown,
        clock: Clock,
        rng: random.Random,
        gives_up: bool = False,
        policy: RetryPolicy = POLICY,
    ) -> None:
        """`gives_up`: whether it is ever exhausted (`--once`)."""
        self._gives_up = gives_up
        self._shutdown = shutdown
        self._clock = clock
        self._rng = rng
        self._policy = policy
        self._attempt = 0
        self._failed_at = clock.monotonic()
        self._fruitless = 0

    @property
    def is_exhausted(self) -> bool:
        """True once there were more failures in a row without progress than the policy allows."""
        return self._gives_up and self._fruitless > self._policy.max_attempts

    def progressed(self) -> None:
        """Say that something was published, or read to its end."""
        self._fruitless = 0

    def after_failure_s(self) -> float:
        """Count a failure and return how long to wait before the next try."""
        now = self._clock.monotonic()
        if now - self._failed_at > PROVEN_AFTER_S:
            self._attempt = 0
        self._attempt += 1
        self._fruitless += 1
        delay_s = next_delay_s(self._attempt, self._policy, self._rng)
        self._failed_at = now + delay_s  # the wait itself proves nothing
        return delay_s

    def wait(self, seconds: float) -> None:
        """Block for `seconds`. Raises StopAskedError as soon as a stop is asked for."""
        if self._shutdown.wait(seconds):
            raise StopAskedError

    def wait_while_same(self, seconds: float, mark: Callable[[], object]) -> None:
        """Block for `seconds`, or until `mark` is another than at the beginning. Raises as `wait` does."""
        at_first, deadline = mark(), self._clock.monotonic() + seconds
        while (left_s := deadline - self._clock.monotonic()) > 0 and mark() == at_first:
            self.wait(min(left_s, LOOK_UP_S))

    def check(self) -> None:
        """Raise StopAskedError if a stop was asked for."""
        if self._shutdown.is_asked:
            raise StopAskedError
