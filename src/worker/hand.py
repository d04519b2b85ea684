"""Hand: the tickets that this worker holds just now. Shared by the main loop, the renewer and the watchdog.

The main loop takes and releases; the renewer prolongs what is held and marks what another worker took over.
"""

import threading
from collections.abc import Iterable

from src.model.ticket import Ticket

_Key = tuple[int, str]  # partition and entry id: entry ids are unique in a partition only


class Hand:
    """The tickets in this worker's hands. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[_Key, Ticket] = {}
        self._lost: set[_Key] = set()
        self._current: Ticket | None = None

    def take(self, tickets: Iterable[Ticket]) -> None:
        """Hold these from now on."""
        with self._lock:
            self._held.update((_key(ticket), ticket) for ticket in tickets)

    def release(self, tickets: Iterable[Ticket]) -> None:
        """Hold these no more."""
        with self._lock:
            for ticket in tickets:
                self._held.pop(_key(ticket), None)
                self._lost.discard(_key(ticket))

    def mark_lost(self, tickets: Iterable[Ticket]) -> int:
        """Remember of these that another worker holds them now; return how many of them were still held here."""
        with self._lock:
            newly = {_key(ticket) for ticket in tickets} & self._held.keys() - self._lost
            self._lost |= newly
            return len(newly)

    def without_lost(self, tickets: Iterable[Ticket]) -> list[Ticket]:
        """Return these, less the ones that another worker took over."""
        with self._lock:
            return [ticket for ticket in tickets if _key(ticket) not in self._lost]

    def is_lost(self, ticket: Ticket) -> bool:
        """Tell whether another worker took this one over."""
        return bool(self._lost) and _key(ticket) in self._lost

    def holds(self, ticket: Ticket) -> bool:
        """Tell whether this one is in hand."""
        return _key(ticket) in self._held

    def held(self) -> list[Ticket]:
        """Return what is held and not lost."""
        with self._lock:
            return [ticket for key, ticket in self._held.items() if key not in self._lost]

    def begin(self, ticket: Ticket | None) -> None:
        """Say which ticket is being worked on at this moment; None: no single one."""
        self._current = ticket

    def not_begun(self) -> list[Ticket]:
        """Return what may be given back when one ticket blocks the loop; nothing when it is no single one's fault."""
        current = self._current
        return [] if current is None else [ticket for ticket in self.held() if ticket is not current]


def _key(ticket: Ticket) -> _Key:
    return (ticket.partition, ticket.entry_id)
