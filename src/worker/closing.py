"""Closing: carry out the Outcomes of a batch on the stream, each by one atomic move.

Done and Skipped are settled together. Retry and Dead are moved one by one. When Redis has no memory left for such a
move, the ticket stays in hand and the move is tried again in the next round: meanwhile settling goes on, and settling
is what frees memory. If a move never comes about, the entry stays pending and another worker takes it: never lost.

A worker that stood still finds the raw mails gone of tickets that others took over and settled meanwhile. Whether that
is so only Redis knows: a ticket that cannot be buried since it is no longer ours was no failure.
"""

from collections.abc import Sequence

from src.common.clock import Clock
from src.common.errors import AttachmentsBusyError, RawMissingError, RedisOutOfMemoryError
from src.common.instruments import (
    BACKOFF_RETRIES,
    DLQ_MESSAGES,
    EMAILS_FAILED,
    EMAILS_PROCESSED,
    LEASES_LOST,
    PROCESSING_LATENCY,
)
from src.common.logs import get_logger
from src.model.outcome import Dead, Done, Outcome, Retry, Skipped
from src.model.ticket import Ticket
from src.stream.protocol import WorkerStream
from src.worker.damage import DamageLimit
from src.worker.hand import Hand
from src.worker.note import make_note
from src.worker.patience import Patience

log = get_logger(__name__)

NO_FAILURE_YET = frozenset((AttachmentsBusyError.code, RawMissingError.code))  # put off; and found out by burying it
MOST_POSTPONED = 1000  # moves that wait for memory in Redis; with more of them the worker stops reading and waits


class DamageLimitReachedError(Exception):
    """Raised when nearly everything fails for good, so that the worker should end before it turns away the rest."""


class Closing:
    """Moves tickets out of the hand. Used by the main loop."""

    def __init__(
        self, stream: WorkerStream, hand: Hand, patience: Patience, damage: DamageLimit, clock: Clock, consumer: str
    ) -> None:
        self._stream = stream
        self._hand = hand
        self._patience = patience
        self._damage = damage
        self._clock = clock
        self._consumer = consumer
        self._postponed: list[tuple[Ticket, Retry | Dead]] = []
        self._settled_by_another = 0  # not told yet

    def close(self, outcomes: Sequence[tuple[Ticket, Outcome]]) -> None:
        """Carry out all outcomes. Raises DamageLimitReachedError; what is then not carried out stays in hand."""
        settled: list[tuple[Ticket, Done | Skipped]] = []
        failed: list[tuple[Ticket, Retry | Dead]] = []
        for ticket, outcome in outcomes:
            if isinstance(outcome, Done | Skipped):
                settled.append((ticket, outcome))
            else:
                if outcome.code not in NO_FAILURE_YET:
                    EMAILS_FAILED.labels(outcome.code).inc()
                failed.append((ticket, outcome))
        self._settle(settled)
        for ticket, outcome in failed:
            self._move_away(ticket, outcome)
        self._tell_settled_by_another()

    def close_postponed(self) -> None:
        """Try the moves again for which Redis had no memory."""
        waiting, self._postponed = self._postponed, []
        for ticket, outcome in waiting:
            self._move_away(ticket, outcome)
        self._tell_settled_by_another()

    def _settle(self, settled: Sequence[tuple[Ticket, Done | Skipped]]) -> None:
        if not settled:
            return
        now = self._clock.now()
        at = now.isoformat(timespec="milliseconds")
        tickets = [ticket for ticket, _ in settled]
        notes = [make_note(ticket, outcome, at) for ticket, outcome in settled]
        self._hand.release(tickets)
        breaks = self._patience.redis_breaks
        ours = self._patience.ask("commit", lambda: self._stream.settle(self._consumer, tickets, notes))
        if breaks == self._patience.redis_breaks:  # else an earlier try may have settled them and lost its reply
            LEASES_LOST.inc(len(tickets) - ours)
        skipped = sum(isinstance(outcome, Skipped) for _, outcome in settled)
        EMAILS_PROCESSED.labels("done").inc(len(settled) - skipped)
        EMAILS_PROCESSED.labels("skipped").inc(skipped)
        for ticket in tickets:
            PROCESSING_LATENCY.observe((now - ticket.fetched_at).total_seconds())
        self._damage.count(done=len(settled))

    def _tell_settled_by_another(self) -> None:
        if self._settled_by_another:
            log.info("settled_by_another", count=self._settled_by_another)
        self._settled_by_another = 0

    def _move_away(self, ticket: Ticket, outcome: Retry | Dead) -> None:
        if isinstance(outcome, Dead) and self._damage.is_reached:
            raise DamageLimitReachedError
        self._hand.release([ticket])
        if not self._patience.ask("commit", lambda: self._moved(ticket, outcome)):
            self._hand.take([ticket])
            self._postponed.append((ticket, outcome))

    def _moved(self, ticket: Ticket, outcome: Retry | Dead) -> bool:
        """Move one ticket; return False if Redis has no memory for that and it may wait in hand."""
        try:
            if isinstance(outcome, Dead):
                self._bury(ticket, outcome)
            else:
                self._retry(ticket, outcome)
        except RedisOutOfMemoryError:
            if len(self._postponed) >= MOST_POSTPONED:
                raise
            return False
        return True

    def _bury(self, ticket: Ticket, outcome: Dead) -> None:
        is_raw_missing = outcome.code == RawMissingError.code
        if not self._stream.bury(self._consumer, ticket, code=outcome.code, error=outcome.error):
            self._settled_by_another += is_raw_missing
            return
        if is_raw_missing:
            EMAILS_FAILED.labels(outcome.code).inc()
        self._damage.count(dead=1)
        DLQ_MESSAGES.labels(outcome.code).inc()
        log.warning("mail_dead", envelope_id=ticket.envelope_id, code=outcome.code, error=outcome.error)

    def _retry(self, ticket: Ticket, outcome: Retry) -> None:
        moved = self._stream.retry(
            self._consumer,
            ticket,
            delay_s=outcome.delay_s,
            code=outcome.code,
            error=outcome.error,
            counts=outcome.counts,
        )
        if not moved:
            return
        BACKOFF_RETRIES.labels(outcome.code).inc()
        log.info(
            "mail_retried",
            envelope_id=ticket.envelope_id,
            code=outcome.code,
            error=outcome.error,
            attempt=ticket.attempt + outcome.counts,
        )
