"""Pace: what is left of a mailbox, and how long that may take if it goes on as in the last minutes.

Not as since the beginning: mails that are stored already are passed in no time, and would promise too much for hours.
"""

from collections import deque
from dataclasses import dataclass

from src.common.clock import Clock

WINDOW_S = 600.0  # over which the pace is taken: pauses and a stream that is full now and then are evened out
SAMPLE_EVERY_S = 10.0  # so that a window has some sixty samples, whatever the pace
LEAST_S = 20.0  # before that nobody knows a pace


@dataclass(frozen=True, slots=True)
class Left:
    """What is still to be read in the poll under way."""

    mails: int
    seconds: float | None  # that it may take; None: not known yet


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float  # monotonic
    mails: int  # left


class Pace:
    """The pace of one mailbox. For one thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._mails: int | None = None
        self._samples: deque[_Sample] = deque()

    def begin(self) -> None:
        """Begin a poll: nothing is known of it."""
        self._mails = None
        self._samples.clear()

    def told(self, mails: int | None) -> None:
        """Take what a batch says is left behind it; None: it does not say."""
        if mails is None:
            return
        self._mails = mails
        now = self._clock.monotonic()
        if self._samples and mails > self._samples[0].mails:
            self._samples.clear()  # a list that is walked anew
        if not self._samples or now - self._samples[-1].at >= SAMPLE_EVERY_S:
            self._samples.append(_Sample(now, mails))
        while len(self._samples) > 1 and now - self._samples[1].at >= WINDOW_S:
            self._samples.popleft()

    def left(self) -> Left | None:
        """Return what is left; None: not known."""
        if self._mails is None:
            return None
        first = self._samples[0]
        done, took_s = first.mails - self._mails, self._clock.monotonic() - first.at
        if done <= 0 or took_s < LEAST_S:
            return Left(self._mails, None)
        return Left(self._mails, self._mails * took_s / done)
