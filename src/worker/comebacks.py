"""Comebacks: when a slow mail that found no room in the window should come back.

As in a queue, each is given the moment at which those before it are likely to be done, from how long the last ones
took. So the children never wait for work, and a mail is fetched and parsed a second time once, not again and again,
however many there are. Other workers may take it when it is due; a wrong guess costs one more round.
"""

import time
from collections.abc import Callable

FIRST_GUESS_S = 1.0  # of one mail; a scanned page takes 1.6, a PDF of some pages 0.1
NEWEST_WEIGHS = 0.1  # in the mean of how long mails took
EARLY = 0.8  # of the time reckoned: rather back too soon, and put off again, than children without work
LONGEST_S = 600.0  # a mail is put off for: a worker that was started since may be idle


class Comebacks:
    """Tells when to come back to the mails of one worker with `threads` children. Used by the main loop."""

    def __init__(self, threads: int, now: Callable[[], float] = time.monotonic) -> None:
        self._threads = threads
        self._now = now
        self._mean_s = FIRST_GUESS_S
        self._latest = 0.0  # on the clock of `now`

    def took(self, seconds: float) -> None:
        """Learn how long one mail took, waiting aside."""
        self._mean_s += (seconds - self._mean_s) * NEWEST_WEIGHS

    def next_delay_s(self, mails_ahead: int) -> float:
        """Return in how many seconds one that is put off should come back; `mails_ahead` are in the window."""
        now = self._now()
        each_s = self._mean_s / self._threads * EARLY
        due = max(self._latest, now + mails_ahead * each_s) + each_s
        self._latest = min(due, now + LONGEST_S)
        return self._latest - now
