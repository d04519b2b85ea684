"""GmailLife: what happens in a mailbox while it is read: a user's acts, and what Google forgets now and then."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

ACTS_PER_SETTLED = 0.6  # so that the user does not run ahead of what the workers manage, however slow the machine is
IDLE_S = 2.0  # between acts when nothing moves


@dataclass(frozen=True, slots=True)
class GmailWeather:
    """What the account has to bear beside kills."""

    fault_rate: float  # of answers; 1 is the usual
    refusals: int  # of the account at most: a producer that is refused stands still until somebody starts it again
    history_expiries: int  # each is followed by a comparison, which mends what was lost before
    page_expiries: int
    token_ends: int
    page_size: int  # of lists: many pages, so that reading is interrupted in and between them
    poll_interval_s: float = 5.0  # also between looks for new mail while old mail is read

    def mischiefs(self) -> list[str]:
        """Return what the fake Gmail is to do in the course of time."""
        return [
            *["expire_history"] * self.history_expiries,
            *["expire_pages"] * self.page_expiries,
            *["end_tokens"] * self.token_ends,
        ]


class GmailLife:
    """Deals out a number of acts, and mischiefs among them, as the reading goes on."""

    def __init__(self, *, acts: int, weather: GmailWeather, seed: int) -> None:
        rng = random.Random(seed)
        self._acts_left = acts
        # When so many acts are left it happens; the next one stands last.
        self._to_come = sorted((rng.randrange(acts), mischief) for mischief in weather.mischiefs())
        self._done = 0
        self._acted_at = time.monotonic()

    @property
    def is_over(self) -> bool:
        """True when all has happened."""
        return self._acts_left == 0

    def acts_due(self, through: int) -> int:
        """Take the acts that are due when so many mails and changes have come to their end."""
        now = time.monotonic()
        due = max(int(through * ACTS_PER_SETTLED) - self._done, int(now - self._acted_at > IDLE_S))
        due = min(due, self._acts_left)
        if due:
            self._acted_at = now
        self._done += due
        self._acts_left -= due
        return due

    def mischiefs_due(self) -> Iterator[str]:
        """Take the mischiefs that are due after these acts."""
        while self._to_come and self._to_come[-1][0] >= self._acts_left:
            yield self._to_come.pop()[1]
