"""What a MemoryStream holds: its mails, where each is, and the counters. One lock stands for Redis."""

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from src.common.clock import Clock, SystemClock
from src.common.errors import TicketUnreadableError
from src.model.envelope import Kind
from src.model.ticket import Ticket
from src.stream.options import StreamOptions
from src.stream.ticket_codec import decode_ticket

_NOBODY = ""


@dataclass(slots=True)
class HeldMail:
    """One mail on its way or dead."""

    id: str
    kind: Kind
    version: int
    payload: bytes
    raw: bytes | tuple[bytes, ...] | None  # a tuple: slices of a big mail; None: it has none
    published_at: datetime
    entry_id: str = ""  # of the stream, or of the dead letters
    attempt: int = 0
    crashes: int = 0
    holder: str = _NOBODY  # consumer that has it in hand
    held_since: float = 0.0  # steady time of delivery or renewal
    deliveries: int = 0
    due_at: float = 0.0  # steady time, of a retry
    code: str = ""
    error: str = ""
    attempts: int = 0
    died_at: datetime | None = None

    @property
    def size_bytes(self) -> int:
        """Of the raw mail. Nothing is compressed here."""
        if isinstance(self.raw, tuple):
            return sum(len(piece) for piece in self.raw)
        return len(self.raw or b"")

    def ticket(self) -> Ticket:
        """Return it as a worker holds it; raises TicketUnreadableError."""
        slices = len(self.raw) if isinstance(self.raw, tuple) else 0
        fields = {b"id": self.id, b"version": self.version, b"attempt": self.attempt, b"slices": slices}
        told = {name: str(value).encode() for name, value in fields.items()}
        ticket = decode_ticket(self.entry_id.encode(), {**told, b"payload": self.payload}, 0)
        return replace(ticket, crashes=self.crashes)


def order_of(entry_id: str) -> tuple[int, ...]:
    """Return what sorts entry ids by age."""
    return tuple(int(part) for part in entry_id.split("-"))


class MemoryState:
    """The places of the stream. Every method is called with the lock held."""

    def __init__(self, options: StreamOptions | None = None, clock: Clock | None = None) -> None:
        self._options = options or StreamOptions()
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._live: dict[str, HeldMail] = {}  # by entry id, oldest first
        self._retries: dict[str, HeldMail] = {}  # by envelope id
        self._dead: dict[str, HeldMail] = {}  # by entry id, oldest first
        self._ids: dict[str, HeldMail] = {}  # all of them by envelope id
        self._known: dict[str, datetime] = {}
        self._counters: Counter[str] = Counter()
        self._begun: dict[str, str] = {}
        self._own_places: dict[str, str] = {}  # consumer to the entry id where the walk of its pending ones stands
        self._heard: dict[str, float] = {}  # consumer to the steady time it was last heard of
        self._version = 0
        self._last_entry = (0, 0)
        self.notes: list[bytes] = []  # of settled mails, newest last

    def _next_entry_id(self) -> str:
        now_ms = int(self._clock.now().timestamp() * 1000)
        last_ms, sequence = self._last_entry
        self._last_entry = (now_ms, 0) if now_ms > last_ms else (last_ms, sequence + 1)
        return f"{self._last_entry[0]}-{self._last_entry[1]}"

    def _stamp(self) -> int:
        self._version = max(self._version + 1, int(self._clock.now().timestamp() * 1_000_000))
        return self._version

    def _add(self, mail: HeldMail) -> None:
        """Put a mail on the stream, for any reader."""
        mail.entry_id, mail.holder, mail.deliveries = self._next_entry_id(), _NOBODY, 0
        self._live[mail.entry_id] = self._ids[mail.id] = mail

    def _kill(self, mail: HeldMail, code: str, error: str, attempts: int) -> None:
        """Put a mail that is in no other place among the dead letters."""
        mail.entry_id, mail.holder = self._next_entry_id(), _NOBODY
        mail.code, mail.error, mail.attempts, mail.died_at = code, error, attempts, self._clock.now()
        mail.crashes = 0
        self._dead[mail.entry_id] = self._ids[mail.id] = mail

    def _bury(self, mail: HeldMail, code: str, error: str, attempts: int) -> None:
        del self._live[mail.entry_id]
        self._kill(mail, code, error, attempts)
        self._counters["dead"] += 1

    def _mine(self, consumer: str, ticket: Ticket) -> HeldMail | None:
        mail = self._live.get(ticket.entry_id)
        return mail if mail is not None and mail.holder == consumer else None

    def _readable(self, mails: list[HeldMail]) -> Iterator[Ticket]:
        for mail in mails:
            try:
                yield mail.ticket()
            except TicketUnreadableError as error:
                self._bury(mail, error.code, str(error), 1)

    def _raw_bytes(self) -> int:
        return sum(mail.size_bytes for mail in (*self._live.values(), *self._retries.values()))

    def _is_silent(self, mail: HeldMail) -> bool:
        return self._clock.monotonic() - mail.held_since >= timedelta(seconds=self._options.lease_s).total_seconds()
