"""Renewer: prolong the leases of what is in hand, and mark what another worker took over meanwhile.

Runs at a third of the lease, in a thread that a stalled main loop cannot block.
"""

from dataclasses import dataclass

from src.common.instruments import LEASES_LOST
from src.common.logs import get_logger
from src.stream.protocol import WorkerStream
from src.worker.hand import Hand

log = get_logger(__name__)

RENEW_CHUNK = 200  # tickets renewed by one call: keeps each call on the server short
ROUNDS_PER_LEASE = 3.0


@dataclass(frozen=True, slots=True)
class Renewer:
    """Renews once per call."""

    stream: WorkerStream
    hand: Hand
    consumer: str

    def __call__(self) -> None:
        held = self.hand.held()
        for start in range(0, len(held), RENEW_CHUNK):
            chunk = held[start : start + RENEW_CHUNK]
            ours = {(ticket.partition, ticket.entry_id) for ticket in self.stream.renew(self.consumer, chunk)}
            lost = [ticket for ticket in chunk if (ticket.partition, ticket.entry_id) not in ours]
            if count := self.hand.mark_lost(lost):
                LEASES_LOST.inc(count)
                log.warning("leases_lost", count=count)
