"""The producer's side of MemoryStream."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from src.common.clock import Clock
from src.model.cursor import Cursor
from src.model.envelope import Kind, envelope_id
from src.model.ticket import Ticket
from src.stream.keys import LAST_POLL, LAST_UID, TOTAL_EMAILS, UIDVALIDITY
from src.stream.memory.state import HeldMail, MemoryState
from src.stream.options import StreamOptions
from src.stream.protocol import Lease, Outgoing, Published, PublishResult
from src.stream.raw_codec import resliced

_KEPT_BESIDE = (LAST_POLL, TOTAL_EMAILS)
_Mailbox = tuple[str, str]


@dataclass(slots=True)
class _Held:
    token: int
    owner: str
    until: float  # steady time


class Producing(MemoryState):
    """Leases, cursors and publishing."""

    def __init__(self, options: StreamOptions | None = None, clock: Clock | None = None) -> None:
        super().__init__(options, clock)
        self._leases: dict[_Mailbox, _Held] = {}
        self._cursors: dict[_Mailbox, dict[str, str]] = {}
        self._token = 0
        self._staged: dict[str, tuple[bytes, ...]] = {}

    def acquire_lease(self, account: str, mailbox: str, owner: str) -> Lease | None:
        with self._lock:
            held = self._lease_of((account, mailbox))
            if held is not None and held.owner != owner:
                return None
            self._token += 1
            until = self._clock.monotonic() + self._options.lease_s
            self._leases[account, mailbox] = _Held(self._token, owner, until)
            return Lease(account, mailbox, self._token, owner)

    def renew_lease(self, lease: Lease) -> bool:
        with self._lock:
            held = self._lease_of((lease.account, lease.mailbox))
            if held is None or held.token != lease.token:
                return False
            held.until = self._clock.monotonic() + self._options.lease_s
            return True

    def release_lease(self, lease: Lease) -> None:
        with self._lock:
            held = self._leases.get((lease.account, lease.mailbox))
            if held is not None and held.token == lease.token:
                del self._leases[lease.account, lease.mailbox]

    def _lease_of(self, mailbox: _Mailbox) -> _Held | None:
        held = self._leases.get(mailbox)
        return held if held is not None and held.until > self._clock.monotonic() else None

    def load_cursor(self, account: str, mailbox: str) -> Cursor:
        with self._lock:
            values = self._cursors.get((account, mailbox), {})
            return Cursor({name: value for name, value in values.items() if name not in _KEPT_BESIDE})

    def mailbox_state(self, account: str, mailbox: str) -> Mapping[str, str]:
        with self._lock:
            return dict(self._cursors.get((account, mailbox), {}))

    def packed(self, outgoing: Sequence[Outgoing]) -> list[Outgoing]:
        return list(outgoing)

    def publish(self, lease: Lease, outgoing: Sequence[Outgoing], *, before: Cursor, after: Cursor) -> Published:
        with self._lock:
            held = self._lease_of((lease.account, lease.mailbox))
            if held is None or held.token != lease.token:
                return Published(PublishResult.FENCED)
            stored = self.load_cursor(lease.account, lease.mailbox).values
            expected = {name: value for name, value in before.values.items() if name not in _KEPT_BESIDE}
            if any(stored.get(name) != expected.get(name) for name in {*expected, LAST_UID, UIDVALIDITY}):
                return Published(PublishResult.CURSOR_MOVED)
            fresh = self._fresh(outgoing)
            live = [mail for mail, item in fresh if not item.dead_code]
            if not self._has_room(live):
                self._counters["refused_full"] += 1
                return Published(PublishResult.FULL)
            self._take_in(fresh)
            for item in outgoing:
                self._staged.pop(item.envelope_id, None)
            repeated = len(outgoing) - len(fresh)
            self._counters.update(published=len(live), repeated=repeated, dead_at_source=len(fresh) - len(live))
            self._move_cursor(lease, after, sum(mail.kind is Kind.ADDED for mail in live))
            return Published(PublishResult.PUBLISHED, len(live), repeated, len(fresh) - len(live))

    def _fresh(self, outgoing: Sequence[Outgoing]) -> list[tuple[HeldMail, Outgoing]]:
        fresh: dict[str, tuple[HeldMail, Outgoing]] = {}
        for item in outgoing:
            mail = self._mail_of(item)
            if mail.id not in self._ids and mail.id not in fresh and not self._is_known(item):
                fresh[mail.id] = (mail, item)
        return list(fresh.values())

    def _mail_of(self, item: Outgoing) -> HeldMail:
        version = self._stamp() if item.version is None else item.version
        name = item.envelope_id
        if item.version is None and item.kind is not Kind.ADDED:
            name = envelope_id(item.envelope_id, "", item.kind, version)  # a statement of its own
        raw: bytes | tuple[bytes, ...] | None = None
        if not isinstance(item.raw, bytes):
            if item.envelope_id not in self._staged:  # slices can be read once, and the stream may be full
                self._staged[item.envelope_id] = tuple(bytes(piece) for piece in resliced(iter(item.raw)))
            raw = self._staged[item.envelope_id]
        elif len(item.raw) > self._options.spool_bytes:
            raw = tuple(bytes(piece) for piece in resliced(iter((item.raw,))))
        elif item.raw or (item.kind is Kind.ADDED and not item.dead_code):
            raw = item.raw
        return HeldMail(name, item.kind, version, item.payload, raw, self._clock.now())

    def _is_known(self, item: Outgoing) -> bool:
        if item.kind is not Kind.ADDED or item.force or item.dead_code:
            return False
        when = self._known.get(item.envelope_id)
        return when is not None and (self._clock.now() - when).total_seconds() < self._options.known_ttl_s

    def _has_room(self, live: Sequence[HeldMail]) -> bool:
        waiting = len(self._live) + len(self._retries)
        if not live or not waiting:
            return True  # a batch larger than the cap passes when nothing waits, or it never would
        new_bytes = sum(mail.size_bytes for mail in live)
        return (
            waiting + len(live) <= self._options.max_entries
            and self._raw_bytes() + new_bytes <= self._options.max_bytes
        )

    def _take_in(self, fresh: Sequence[tuple[HeldMail, Outgoing]]) -> None:
        for mail, item in fresh:
            if item.dead_code:
                self._kill(mail, item.dead_code, item.dead_error, 0)
            else:
                self._add(mail)
            if mail.kind is Kind.ADDED:
                self._known[mail.id] = self._clock.now()

    def _move_cursor(self, lease: Lease, after: Cursor, added: int) -> None:
        kept = self._cursors.get((lease.account, lease.mailbox), {})
        total = int(kept.get(TOTAL_EMAILS, "0")) + added
        values = {name: value for name, value in after.values.items() if name not in _KEPT_BESIDE}
        values[LAST_POLL] = str(int(self._clock.now().timestamp()))
        if total:
            values[TOTAL_EMAILS] = str(total)
        self._cursors[lease.account, lease.mailbox] = values

    def is_on_its_way_or_dead(
        self,
        account: str,  # noqa: ARG002 - there is one partition here
        mailbox: str,  # noqa: ARG002
        envelope_ids: Sequence[str],
    ) -> list[bool]:
        with self._lock:
            return [name in self._ids for name in envelope_ids]

    def tickets_of(self, account: str, mailbox: str | None = None) -> Iterator[tuple[Ticket, str]]:
        with self._lock:
            places = (("live", self._live), ("retry", self._retries), ("dead", self._dead))
            found = [(mail.ticket(), place) for place, mails in places for mail in mails.values()]
        for ticket, place in found:
            if ticket.account == account and mailbox in (None, ticket.place.mailbox):
                yield ticket, place
