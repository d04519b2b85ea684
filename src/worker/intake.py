"""Intake: which tickets to work on next. What was left or lost comes first, then silent workers' tickets, then new.

1. At the start and after each break of the connection: the own pending entries, until there are none. An earlier
   process of this name left them, or a lost reply brought them; a read for new ones never returns them.
2. When the maintenance thread says that it is time: what silent workers held. Never on the way of every read.
3. New tickets, waiting a moment for the first.
"""

import threading

from src.common.errors import RedisOutOfMemoryError
from src.common.logs import get_logger
from src.model.ticket import Ticket
from src.stream.protocol import WorkerStream
from src.worker.hand import Hand
from src.worker.patience import Patience

log = get_logger(__name__)

_NEVER_LOOKED = -1


class Intake:
    """Takes tickets into the hand. Used by the main loop; `reclaim_is_due` is set by the maintenance thread."""

    def __init__(
        self,
        stream: WorkerStream,
        hand: Hand,
        patience: Patience,
        *,
        consumer: str,
        batch_size: int,
        block_ms: int,
    ) -> None:
        self._stream = stream
        self._hand = hand
        self._patience = patience
        self._consumer = consumer
        self._batch_size = batch_size
        self._block_ms = block_ms
        self._breaks_seen = _NEVER_LOOKED
        self.reclaim_is_due = threading.Event()

    def next_tickets(self, most_ms: int | None = None) -> list[Ticket]:
        """Return the next tickets, in hand; none when there was nothing to do for a while, or for `most_ms`."""
        block_ms = self._block_ms if most_ms is None else min(most_ms, self._block_ms)
        tickets = self._left_or_lost() or self._of_silent_workers() or self._new(block_ms)
        self._hand.take(tickets)
        return tickets

    def _left_or_lost(self) -> list[Ticket]:
        breaks = self._patience.redis_breaks
        if breaks == self._breaks_seen:
            return []
        while True:
            pending = self._patience.ask("read", self._own_pending)
            if pending is None:
                return []
            if not pending:
                self._breaks_seen = breaks
                return []
            if tickets := [ticket for ticket in pending if not self._hand.holds(ticket)]:
                log.info("pending_found", count=len(tickets))
                return tickets

    def _own_pending(self) -> list[Ticket] | None:
        """Return own pending tickets; None when Redis has no memory for looking: later, since settling frees memory."""
        try:
            self._stream.ensure_group()
            return self._stream.read_own_pending(self._consumer, self._batch_size)
        except RedisOutOfMemoryError:
            return None

    def _of_silent_workers(self) -> list[Ticket]:
        if not self.reclaim_is_due.is_set():
            return []
        reclaimed = self._patience.ask("read", lambda: self._stream.reclaim(self._consumer, self._batch_size))
        if not reclaimed:
            self.reclaim_is_due.clear()
            return []
        tickets = [ticket for ticket in reclaimed if not self._hand.holds(ticket)]
        log.info("tickets_reclaimed", count=len(tickets))
        return tickets

    def _new(self, block_ms: int) -> list[Ticket]:
        return self._patience.ask("read", lambda: self._stream.read_new(self._consumer, self._batch_size, block_ms))
