"""What every call costs, what was spent when, and refusals over the budget.

The unit costs and budgets are Google's, of projects new since May 2026 and of those from before. Refusing is off until
a test switches it on; spending is always written down. Refused calls cost nothing.
"""

import threading
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from tests.fakes.gmail.errors import quota_exceeded, too_many_concurrent

_COMMON_COSTS = {
    "gmail.users.getProfile": 1,
    "gmail.users.labels.list": 1,
    "gmail.users.messages.list": 5,
    "gmail.users.history.list": 2,
    "gmail.users.watch": 100,
    "gmail.users.stop": 50,
}


@dataclass(frozen=True)
class QuotaProfile:
    """Unit costs, and budgets as (window in seconds, units that any such window may hold)."""

    name: str
    costs: Mapping[str, int]
    budgets: tuple[tuple[float, int], ...]


SINCE_2026 = QuotaProfile("2026", {**_COMMON_COSTS, "gmail.users.messages.get": 20}, ((60.0, 6_000),))
LEGACY = QuotaProfile("legacy", {**_COMMON_COSTS, "gmail.users.messages.get": 5}, ((1.0, 250), (60.0, 15_000)))


@dataclass(frozen=True)
class Spent:
    """One call that was let through."""

    at: float  # time.monotonic
    units: int
    account: str
    method: str


class Quota:
    """The accounts' spending; set `profile`, `is_enforced`, `refusal_code` and `max_concurrent` as a test needs."""

    def __init__(self, profile: QuotaProfile = SINCE_2026, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.profile = profile
        self.is_enforced = False
        self.refusal_code: Literal[403, 429] = 429
        self.max_concurrent: int | None = None  # calls of one account at the same moment
        self.log: list[Spent] = []  # in the order of time
        self.refusals: Counter[str] = Counter()  # over the budget, by account
        self.concurrency_refusals: Counter[str] = Counter()
        self.peak_concurrent = 0  # of any account
        self._running: Counter[str] = Counter()
        self._admitted = threading.local()  # `accounts`: those of the calls a thread is at
        self._lock = threading.Lock()
        self._monotonic = monotonic

    @contextmanager
    def running_together(self) -> Iterator[None]:
        """Let the calls that this thread admits within count as running until its end."""
        self._admitted.accounts = accounts = list[str]()
        try:
            yield
        finally:
            with self._lock:
                self._running.subtract(accounts)

    def admit(self, account: str, method: str) -> None:
        """Write a call's units down, or refuse it: too many at the same moment, or over the budget."""
        units = self.profile.costs.get(method, 0)
        with self._lock:
            if self.max_concurrent is not None and self._running[account] >= self.max_concurrent:
                self.concurrency_refusals[account] += 1
                raise too_many_concurrent()
            now = self._monotonic()
            if self.is_enforced and units and self._would_exceed(account, now, units):
                self.refusals[account] += 1
                raise quota_exceeded(self.refusal_code)
            self.log.append(Spent(now, units, account, method))
            self._running[account] += 1
            self._admitted.accounts.append(account)
            self.peak_concurrent = max(self.peak_concurrent, self._running[account])

    def units(self, account: str | None = None) -> int:
        """Return what was spent in all."""
        return sum(spent.units for spent in self._of(account))

    def peak(self, window_s: float, account: str | None = None) -> int:
        """Return the most units that any window of this length held."""
        log = self._of(account)
        sums = [0, *accumulate(spent.units for spent in log)]
        times = [spent.at for spent in log]
        # A window begins just after a call; the calls up to `window_s` before each one are in one window with it.
        return max((sums[i + 1] - sums[bisect_right(times, at - window_s)] for i, at in enumerate(times)), default=0)

    def mean(self, window_s: float, account: str | None = None) -> float:
        """Return the units a window of this length held on average, from the first call to the last."""
        log = self._of(account)
        if len(log) < 2:
            return 0.0
        return sum(spent.units for spent in log[:-1]) * window_s / (log[-1].at - log[0].at)

    def reset(self) -> None:
        """Forget what was spent: the next minute begins."""
        with self._lock:
            self.log.clear()
            self.refusals.clear()
            self.concurrency_refusals.clear()
            self.peak_concurrent = 0

    def _would_exceed(self, account: str, now: float, units: int) -> bool:
        for window_s, budget in self.profile.budgets:
            held = 0
            for spent in reversed(self.log):
                if spent.at <= now - window_s:
                    break
                held += spent.units if spent.account == account else 0
            if held + units > budget:
                return True
        return False

    def _of(self, account: str | None) -> list[Spent]:
        with self._lock:
            return [spent for spent in self.log if account in (None, spent.account)]
