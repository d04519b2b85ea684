"""Suspects: finds the one mail that breaks the connection, or is refused, at each try.

A FETCH answers in order, so the first mail that did not come is the suspect. It is asked for alone; what comes well
after it is asked for in runs that double, so that the next bad mail is cornered as fast (bisection from the left, which
needs no mail twice). A mail that failed alone `TRIES` times, each on a fresh connection, is given up, but only after
another mail of the mailbox did come: a server whose storage is down breaks on every mail, and those are not lost ones.
"""

from collections import Counter

TRIES = 3  # alone, each on a fresh connection
LONELY_TRIES = 6  # where there is no other mail to prove the server well
FULL_WINDOW = 256  # a run this long that came well ends the search


class Suspects:
    """What is suspected in one mailbox. Outlives connections, not the process: a restart begins the search again."""

    def __init__(self) -> None:
        self.uid = 0  # the suspect; 0: none
        self.failures = 0  # tries that failed at it
        self.failed_controls = 0  # other mails that did not come either, since the suspect was to be given up
        self._window = 0  # 0: unlimited
        self._undescribed: Counter[int] = Counter()  # by first UID of a chunk: how often describing it failed

    @property
    def window(self) -> int | None:
        """How many mails to ask for in the next run; None: as many as there are."""
        return self._window or None

    @property
    def is_cornering(self) -> bool:
        """True while a fresh connection at once brings the search on: there is a suspect, and the server seems well."""
        return self._window > 0 and self.failed_controls == 0

    def failed_at(self, uid: int) -> None:
        """A run broke before this mail came, which was the first not to come."""
        if uid != self.uid:
            self.uid, self.failures, self.failed_controls = uid, 0, 0
        self.failures += 1
        self._window = 1

    def run_went_well(self) -> None:
        """All mails of a run came."""
        self.uid, self.failures, self.failed_controls = 0, 0, 0
        if self._window:
            self._window *= 2
        if self._window > FULL_WINDOW:
            self._window = 0

    def is_hopeless(self, uid: int, *, has_neighbours: bool = True) -> bool:
        """Tell whether this mail failed often enough to be given up (once the server is proven well)."""
        return uid == self.uid and self.failures > (TRIES if has_neighbours else LONELY_TRIES)

    def describing_failed(self, first_uid: int) -> None:
        """The chunk of mails that begins here could not be described."""
        self._undescribed[first_uid] += 1

    def is_describable(self, first_uid: int) -> bool:
        """False once describing this chunk failed `TRIES` times: its mails must be found one by one, by fetching."""
        return self._undescribed[first_uid] < TRIES

    def control_failed(self) -> None:
        """Another mail did not come either: the server is not well, or that mail is a bad one too."""
        self.failed_controls += 1
