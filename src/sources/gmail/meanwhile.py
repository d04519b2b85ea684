"""Meanwhile: new mail and changes that come while the whole mailbox is compared, said at once.

They are said once more when all is compared, since the stored cursor stays where it was: what a list told may be older
than what was said meanwhile. That costs no fetch. A history that is too old by then has everything begin anew.
"""

from collections.abc import Iterable, Iterator

from src.model.cursor import Batch
from src.sources.gmail.history import catch_up
from src.sources.gmail.position import Position
from src.sources.gmail.snapshot import Snapshot
from src.sources.gmail.visit import Steps, Visit, batch


class Meanwhile:
    """Looks at the history beside one comparison."""

    def __init__(self, visit: Visit, position: Position, snapshot: Snapshot) -> None:
        """`position`: from which the history is read again afterwards."""
        self.position = position
        self._visit = visit
        self._snapshot = snapshot
        self._reached = position

    def during(self, steps: Iterable[object]) -> Iterator[Batch]:
        """Walk the steps, and look whenever that is due between two of them."""
        for _ in steps:
            yield from self.look_if_due()

    def look_if_due(self) -> Iterator[Batch]:
        """Look, if new mail may have come."""
        if self._visit.is_live_due():
            yield from self.look()

    def look(self) -> Iterator[Batch]:
        """Say what is new; nothing that was fetched before may be in hand. Gives at least one batch, a sign of life."""
        for found in self._news():
            self._snapshot.tell_meanwhile(envelope.source_id for envelope in found.envelopes)
            yield batch(self.position, found.envelopes, found.failures)

    def _news(self) -> Steps:
        self._reached = yield from catch_up(self._visit, self._reached)
        return self._reached
