"""Suspects: finds the one mail that breaks the connection, or is refused, at each try.

A FETCH answers in order, so the first mail that did not come is the suspect. It is asked for alone; what comes well
after it is asked for in runs that double, so that the next bad mail is cornered as fast (bisection from the left, which
needs no mail twice). A mail that failed `TRIES` times is asked for once more, on a connection that has just given
another mail; when it fails then, it is given up. Without that proof none is: a server whose storage is down breaks on
every mail, and those are not lost ones.
"""

from collections import Counter

TRIES = 3  # the first in a run with others, then alone, each on a fresh connection
LONELY_TRIES = 10  # where there is no other mail to prove the server well; the caller spreads them over minutes
FULL_WINDOW = 256  # a run this long that came well ends the search


class Suspects:
    """What is suspected in one mailbox. Outlives connections, not the process: a restart begins the search again."""

    def __init__(self) -> None:
        self.failed_controls = 0  # other mails that did not come either, since the suspect was to be given up
        self._uid = 0  # the suspect; 0: none
        self._failures = 0  # tries that failed at it
        self._is_server_proven = False  # it has just given another mail, over this connection
        self._is_hopeless = False
        self._window = 0  # how many mails to ask for in a run; 0: unlimited
        self._undescribed: Counter[int] = Counter()  # by first UID of a chunk: how often describing it failed

    @property
    def window(self) -> int | None:
        """How many mails to ask for in the next run; None: as many as there are."""
        return self._window or None

    @property
    def is_cornering(self) -> bool:
        """True while a fresh connection at once brings the search on: there is a suspect, and the server seems well."""
        return self._window > 0 and self.failed_controls == 0 and self._failures <= TRIES + 1

    def failed_at(self, uid: int) -> None:
        """A run broke before this mail came, which was the first not to come."""
        if uid != self._uid:
            self._forget()
            self._uid = uid
        self._failures += 1
        self._is_hopeless = self._is_server_proven or (self._failures >= LONELY_TRIES and self.failed_controls == 0)
        self._is_server_proven = False
        self._window = 1

    def needs_proof(self, uid: int) -> bool:
        """Tell whether the server is to be proven well before this mail is asked for again."""
        return uid == self._uid and self._failures >= TRIES and not self._is_hopeless

    def server_is_proven(self) -> None:
        """Another mail has just come: what fails next is to blame itself."""
        self._is_server_proven = True
        self.failed_controls = 0

    def control_failed(self) -> None:
        """Another mail did not come either: the server is not well, or that mail is a bad one too."""
        self.failed_controls += 1

    def is_hopeless(self, uid: int) -> bool:
        """Tell whether this mail is to be given up."""
        return uid == self._uid and self._is_hopeless

    def run_went_well(self) -> None:
        """All mails of a run came, or were given up."""
        self._forget()
        if self._window:
            self._window *= 2
        if self._window > FULL_WINDOW:
            self._window = 0

    def describing_failed(self, first_uid: int) -> None:
        """The chunk of mails that begins here could not be described."""
        self._undescribed[first_uid] += 1

    def is_describable(self, first_uid: int) -> bool:
        """False once describing this chunk failed `TRIES` times: its mails must be found one by one, by fetching."""
        return self._undescribed[first_uid] < TRIES

    def _forget(self) -> None:
        self._uid, self._failures, self.failed_controls = 0, 0, 0
        self._is_server_proven = self._is_hopeless = False
