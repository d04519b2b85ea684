"""The worker's side of MemoryStream."""

from collections.abc import Iterator, Sequence

from src.common.errors import WorkerCrashedError
from src.model.envelope import Kind, RawSlices
from src.model.ticket import Ticket
from src.stream.memory.state import HeldMail, MemoryState, order_of
from src.stream.reclaiming import UNTOLD_DELIVERIES
from src.stream.working import PROMOTE_AT_ONCE

POLL_S = 0.01  # how often a waiting read looks again


class MemorySlices:
    """A big raw mail in memory, in slices."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces
        self.size_bytes = sum(len(piece) for piece in pieces)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)


class Working(MemoryState):
    """Reading tickets and moving them on."""

    def ensure_group(self) -> None:
        """There is but one group, and it is always there."""

    def read_own_pending(self, consumer: str, count: int) -> list[Ticket]:
        with self._lock:
            self._hear(consumer)
            start = order_of(self._own_places.get(consumer, "0-0"))
            held = [m for m in self._live.values() if m.holder == consumer and order_of(m.entry_id) > start][:count]
            if held:
                self._own_places[consumer] = held[-1].entry_id
            else:
                self._own_places.pop(consumer, None)
            return list(self._readable(held))

    def read_new(self, consumer: str, count: int, block_ms: int) -> list[Ticket]:
        deadline = self._clock.monotonic() + block_ms / 1000
        while True:
            tickets = self._take(consumer, count)
            if tickets or self._clock.monotonic() >= deadline:
                return tickets
            self._clock.sleep(POLL_S)

    def _take(self, consumer: str, count: int) -> list[Ticket]:
        with self._lock:
            self._hear(consumer)
            waiting = [mail for mail in self._live.values() if not mail.holder][:count]
            self._hold(consumer, waiting)
            return list(self._readable(waiting))

    def _hold(self, consumer: str, mails: Sequence[HeldMail]) -> None:
        for mail in mails:
            mail.holder, mail.held_since = consumer, self._clock.monotonic()
            mail.deliveries += 1

    def _hear(self, consumer: str) -> None:
        self._heard[consumer] = self._clock.monotonic()

    def begin(self, consumer: str, ticket: Ticket) -> None:
        with self._lock:
            self._begun[consumer] = ticket.envelope_id

    def load_raws(self, tickets: Sequence[Ticket]) -> list[bytes | RawSlices | None]:
        with self._lock:
            return [self._raw_of(ticket) for ticket in tickets]

    def _raw_of(self, ticket: Ticket) -> bytes | RawSlices | None:
        if ticket.kind is not Kind.ADDED:
            return b""
        mail = self._ids.get(ticket.envelope_id)
        if mail is None or mail.raw is None:
            return None
        return MemorySlices(mail.raw) if isinstance(mail.raw, tuple) else mail.raw

    def renew(self, consumer: str, tickets: Sequence[Ticket]) -> list[Ticket]:
        with self._lock:
            self._hear(consumer)
            kept = [ticket for ticket in tickets if self._mine(consumer, ticket)]
            for ticket in kept:
                self._live[ticket.entry_id].held_since = self._clock.monotonic()
            return kept

    def settle(self, consumer: str, tickets: Sequence[Ticket], notes: Sequence[bytes]) -> int:
        if notes and len(notes) != len(tickets):
            raise ValueError(f"expected a note for each of {len(tickets)} tickets, or none; found {len(notes)}")
        settled = 0
        with self._lock:
            for position, ticket in enumerate(tickets):
                if self._mine(consumer, ticket) is None:
                    continue
                del self._live[ticket.entry_id]
                del self._ids[ticket.envelope_id]
                settled += 1
                if notes and notes[position] and self._options.processed_length:
                    self.notes.append(notes[position])
            self._counters["settled"] += settled
            del self.notes[: -self._options.processed_length or None]
        return settled

    def retry(
        self, consumer: str, ticket: Ticket, *, delay_s: float, code: str, error: str, counts: bool = True
    ) -> bool:
        with self._lock:
            mail = self._mine(consumer, ticket)
            if mail is None:
                return False
            del self._live[mail.entry_id]
            mail.attempt += counts
            mail.code, mail.error, mail.holder = code, error, ""
            mail.due_at = self._clock.monotonic() + max(0.0, delay_s)
            self._retries[mail.id] = mail
            self._counters["retried"] += 1
            return True

    def bury(self, consumer: str, ticket: Ticket, *, code: str, error: str) -> bool:
        with self._lock:
            mail = self._mine(consumer, ticket)
            if mail is None:
                return False
            self._bury(mail, code, error, mail.attempt + 1)
            return True

    def hand_back(self, consumer: str, tickets: Sequence[Ticket]) -> None:
        with self._lock:
            for ticket in tickets:
                mail = self._mine(consumer, ticket)
                if mail is not None:
                    del self._live[mail.entry_id]
                    self._add(mail)
                    self._counters["handed_back"] += 1

    def promote(self) -> int:
        with self._lock:
            now = self._clock.monotonic()
            due = sorted((m for m in self._retries.values() if m.due_at <= now), key=lambda mail: mail.due_at)
            for mail in due[:PROMOTE_AT_ONCE]:
                del self._retries[mail.id]
                self._add(mail)
            promoted = min(len(due), PROMOTE_AT_ONCE)
            self._counters["promoted"] += promoted
            return promoted

    def reclaim(self, consumer: str, count: int) -> list[Ticket]:
        with self._lock:
            self._hear(consumer)
            silent = [m for m in self._live.values() if m.holder not in ("", consumer) and self._is_silent(m)]
            taken: list[HeldMail] = []
            for mail in silent:
                if len(taken) >= count:
                    break
                if self._is_past_saving(mail):
                    self._bury(
                        mail, WorkerCrashedError.code, "workers died over this mail", mail.attempt + mail.crashes
                    )
                else:
                    taken.append(mail)
            self._hold(consumer, taken)
            self._counters["reclaimed"] += len(taken)
            return list(self._readable(taken))

    def _is_past_saving(self, mail: HeldMail) -> bool:
        many = self._options.max_crashes * UNTOLD_DELIVERIES
        is_proven = self._begun.get(mail.holder) == mail.id or mail.deliveries % many == 0
        if mail.crashes == 0 or is_proven:
            mail.crashes += 1
            self._counters["crashes"] += 1
        return is_proven and mail.crashes >= self._options.max_crashes

    def beat(self, consumer: str) -> None:
        with self._lock:
            self._hear(consumer)

    def leave(self, consumer: str) -> bool:
        with self._lock:
            if any(mail.holder == consumer for mail in self._live.values()):
                return False
            self._heard.pop(consumer, None)
            self._begun.pop(consumer, None)
            return True
