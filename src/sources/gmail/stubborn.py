"""Stubborn: mails that the API fails for, look after look, while it gives others.

A failure of the surroundings passes, and costs no mail its place. But a mail for which the API answers 500 for ever
must not hold up all that come behind it: after an hour, and if the API gives another mail just then, it goes to the
dead letters. Kept in memory only, so a restart begins the hour anew.
"""

from collections import OrderedDict

from src.common.clock import Clock

GIVEN_UP_AFTER_S = 3600.0  # since its first failure; nearly all of Google's bad hours are shorter
MOST_REMEMBERED = 1_000  # mails; with more of them it is not for the mails' sake


class Stubborn:
    """The mails of one account. For one thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: OrderedDict[str, float] = OrderedDict()  # monotonic

    def given(self, message_id: str) -> None:
        """Say that the API gave this mail."""
        self._since.pop(message_id, None)

    def failed(self, message_id: str) -> bool:
        """Say that it failed for this mail; return whether it did so for long."""
        now = self._clock.monotonic()
        since = self._since.setdefault(message_id, now)
        while len(self._since) > MOST_REMEMBERED:
            self._since.popitem(last=False)
        return now - since >= GIVEN_UP_AFTER_S
