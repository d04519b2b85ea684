"""MemoryStream: plays ProducerStream, WorkerStream and DeadLetters in this process, for fast tests and dry runs.

It makes the same promises as RedisStream and passes the same contract; nothing survives the process.
"""

from collections import Counter
from collections.abc import Sequence

from src.common.errors import TicketUnreadableError
from src.model.envelope import Kind
from src.model.ticket import Ticket
from src.stream.memory.producing import Producing
from src.stream.memory.state import HeldMail, order_of
from src.stream.memory.working import Working
from src.stream.protocol import DeadLetter, StreamStats


class MemoryStream(Producing, Working):
    """The stream in memory. Thread-safe."""

    def list_dead(self, *, code: str = "", account: str = "", limit: int = 100, after: str = "") -> list[DeadLetter]:
        with self._lock:
            letters = [_letter(mail) for mail in self._dead.values()]
        past = [letter for letter in letters if not after or order_of(letter.entry_id) > order_of(after)]
        return [
            letter
            for letter in past
            if (not code or letter.code == code)
            and (not account or (letter.ticket is not None and letter.ticket.account == account))
        ][:limit]

    def get_dead(self, entry_id: str) -> DeadLetter | None:
        with self._lock:
            mail = self._dead.get(entry_id)
            return None if mail is None else _letter(mail)

    def raw_of_dead(self, entry_id: str) -> bytes | None:
        with self._lock:
            mail = self._dead.get(entry_id)
        if mail is None or mail.raw is None:
            return None
        return b"".join(mail.raw) if isinstance(mail.raw, tuple) else mail.raw

    def replay(self, entry_ids: Sequence[str]) -> int:
        replayed = 0
        with self._lock:
            for entry_id in entry_ids:
                mail = self._dead.get(entry_id)
                if mail is None or (mail.kind is Kind.ADDED and mail.raw is None):
                    continue
                del self._dead[entry_id]
                mail.attempt = mail.crashes = 0
                self._add(mail)
                replayed += 1
            self._counters["replayed"] += replayed
        return replayed

    def purge(self, entry_ids: Sequence[str]) -> int:
        with self._lock:
            gone = [mail for mail in (self._dead.pop(entry_id, None) for entry_id in entry_ids) if mail is not None]
            for mail in gone:
                del self._ids[mail.id]
                self._known.pop(mail.id, None)
            self._counters["purged"] += len(gone)
            return len(gone)

    def stats(self) -> StreamStats:
        with self._lock:
            now = self._clock.monotonic()
            first = next(iter(self._live.values()), None)
            age_s = self._clock.now().timestamp() - int(first.entry_id.split("-")[0]) / 1000 if first else 0.0
            return StreamStats(
                waiting=len(self._live),
                pending=sum(bool(mail.holder) for mail in self._live.values()),
                retries=len(self._retries),
                retries_due=sum(mail.due_at <= now for mail in self._retries.values()),
                dead=len(self._dead),
                dead_by_code=dict(Counter(mail.code for mail in self._dead.values())),
                raw_bytes=self._raw_bytes(),
                max_entries=self._options.max_entries,
                max_bytes=self._options.max_bytes,
                oldest_waiting_s=max(0.0, age_s),
                counters=dict(self._counters),
                consumers={name: now - heard for name, heard in self._heard.items()},
                redis_version="",
            )


def _letter(mail: HeldMail) -> DeadLetter:
    if mail.died_at is None:
        raise ValueError(f"mail {mail.id} is not dead")
    return DeadLetter(
        entry_id=mail.entry_id,
        envelope_id=mail.id,
        code=mail.code,
        error=mail.error,
        attempts=mail.attempts,
        died_at=mail.died_at,
        first_seen_at=mail.published_at,
        ticket=_ticket(mail),
        has_raw=mail.raw is not None,
    )


def _ticket(mail: HeldMail) -> Ticket | None:
    try:
        return mail.ticket()
    except TicketUnreadableError:
        return None
