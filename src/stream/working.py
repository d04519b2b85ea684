"""Working: reading tickets and raw mails, and moving tickets on: settled, to the retries, to the dead letters, back."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

from redis.exceptions import ResponseError

from src.common.clock import Clock
from src.common.errors import RawMissingError, TicketUnreadableError
from src.common.instruments import DLQ_MESSAGES, RAW_LOST
from src.common.logs import get_logger
from src.common.redis_client import RedisClient, RedisConnection, is_no_group, redis_errors
from src.model.envelope import Kind, RawSlices
from src.model.ticket import Ticket
from src.stream.base import Fields, StreamBase
from src.stream.keys import Keys
from src.stream.options import StreamOptions
from src.stream.raw_codec import codec
from src.stream.ticket_codec import decode_ticket

log = get_logger(__name__)

MAX_BLOCK_MS = 2000  # a longer wait would outlast the connection's time-out and hold up a shutdown
POLL_PARTITIONS_S = 0.05  # several partitions are asked in turn; the pause when all were empty
MOVES_AT_ONCE = 500  # tickets in one script: holds Redis up for about 5 ms
GONE_AFTER_LEASES = 10  # a consumer that holds nothing and was silent for so many leases is deleted
PROMOTE_AT_ONCE = 1000  # retries in one script, about 10 ms

Entry = tuple[bytes, Fields | None]  # None: deleted by hand while it was pending


class Working(StreamBase):
    """The part of RedisStream that workers drain it through."""

    def __init__(self, connection: RedisConnection, options: StreamOptions, clock: Clock | None = None) -> None:
        super().__init__(connection, options, clock)
        self._turn = 0  # of the partitions, at reading

    def ensure_group(self) -> None:
        with redis_errors():
            for keys in self._partitions:
                self._create_group(keys)

    def read_new(self, consumer: str, count: int, block_ms: int) -> list[Ticket]:
        wait_ms = min(block_ms, MAX_BLOCK_MS)
        if len(self._partitions) == 1:
            return self._read(self._partitions[0], consumer, count, after=">", block_ms=wait_ms)
        # A blocking read waits on one slot of a cluster only, so partitions are asked in turn, without blocking,
        # beginning with another one each time; the first that has enough ends the round.
        deadline = self._clock.monotonic() + wait_ms / 1000
        while True:
            tickets = self._read_round(consumer, count)
            if tickets or self._clock.monotonic() >= deadline:
                return tickets
            self._clock.sleep(POLL_PARTITIONS_S)

    def _read_round(self, consumer: str, count: int) -> list[Ticket]:
        tickets: list[Ticket] = []
        self._turn += 1
        for step in range(len(self._partitions)):
            if len(tickets) >= count:
                break
            keys = self._partitions[(self._turn + step) % len(self._partitions)]
            tickets += self._read(keys, consumer, count - len(tickets), after=">", block_ms=0)
        return tickets

    def _read(self, keys: Keys, consumer: str, count: int, *, after: str, block_ms: int) -> list[Ticket]:
        return self._tickets(keys, consumer, self._read_entries(keys, consumer, count, after, block_ms))

    def _read_entries(self, keys: Keys, consumer: str, count: int, after: str, block_ms: int) -> list[Entry]:
        block = block_ms if block_ms > 0 else None
        with redis_errors():
            try:
                answer = self._connection.blocking.xreadgroup(
                    self._options.group, consumer, {keys.stream: after}, count=count, block=block
                )
            except ResponseError as error:
                # UNBLOCKED: the stream was deleted while we waited.
                if not is_no_group(error) and "UNBLOCKED" not in str(error):
                    raise
                self._recreate_group(keys)
                return []
        return _entries(answer)

    def _tickets(self, keys: Keys, consumer: str, entries: Sequence[Entry]) -> list[Ticket]:
        tickets: list[Ticket] = []
        for entry_id, fields in entries:
            if fields is None:
                self._forget_deleted(keys, entry_id)
                continue
            try:
                tickets.append(decode_ticket(entry_id, fields, keys.partition))
            except TicketUnreadableError as error:
                self._bury_entry(keys, consumer, entry_id.decode(), error.code, str(error))
        return tickets

    def _forget_deleted(self, keys: Keys, entry_id: bytes) -> None:
        """Acknowledge a pending entry that someone deleted: an alarm, not a reason to stop."""
        RAW_LOST.inc()
        log.error("pending_entry_deleted", partition=keys.partition, entry_id=entry_id.decode())
        self._run(keys, "forget", self._options.group, entry_id)

    def _bury_entry(self, keys: Keys, consumer: str, entry_id: str, code: str, error: str) -> bool:
        """Bury what the stream itself finds hopeless, and count it."""
        is_buried = bool(self._run(keys, "bury", self._options.group, consumer, entry_id, code, error))
        if is_buried:
            DLQ_MESSAGES.labels(code).inc()
            log.error("entry_buried", partition=keys.partition, entry_id=entry_id, code=code)
        return is_buried

    def begin(self, consumer: str, ticket: Ticket) -> None:
        self._run(self._partitions[ticket.partition], "begin", "begun", consumer, ticket.envelope_id)

    def load_raws(self, tickets: Sequence[Ticket]) -> list[bytes | RawSlices | None]:
        found: dict[str, bytes | RawSlices] = {}
        for keys, of_partition in self._by_partition(tickets):
            self._load_partition(keys, of_partition, found)
        return [found.get(ticket.entry_id) if ticket.kind is Kind.ADDED else b"" for ticket in tickets]

    def _load_partition(self, keys: Keys, tickets: Sequence[Ticket], found: dict[str, bytes | RawSlices]) -> None:
        whole = [ticket for ticket in tickets if ticket.kind is Kind.ADDED and not ticket.raw_slices]
        sliced = [ticket for ticket in tickets if ticket.kind is Kind.ADDED and ticket.raw_slices]
        if whole:
            with redis_errors():
                values = cast(
                    "list[bytes | None]", self._client.mget([keys.raw(ticket.envelope_id) for ticket in whole])
                )
            unpack = codec().unpack
            for ticket, value in zip(whole, values, strict=True):
                if value is not None:
                    try:
                        found[ticket.entry_id] = unpack(value)
                    except RawMissingError as error:
                        log.error("raw_unreadable", envelope_id=ticket.envelope_id, reason=str(error))
        for ticket in sliced:
            slices = SpooledSlices(self._client, keys.raw(ticket.envelope_id), ticket.raw_slices, ticket.size_bytes)
            if slices.is_whole():
                found[ticket.entry_id] = slices

    def renew(self, consumer: str, tickets: Sequence[Ticket]) -> list[Ticket]:
        kept: set[str] = set()
        for keys, of_partition in self._by_partition(tickets):
            for chunk in _chunks(of_partition):
                entry_ids = [ticket.entry_id for ticket in chunk]
                mine = self._run(keys, "renew", self._options.group, consumer, *entry_ids)
                kept.update(f"{keys.partition}:{entry_id.decode()}" for entry_id in mine)
        return [ticket for ticket in tickets if f"{ticket.partition}:{ticket.entry_id}" in kept]

    def settle(self, consumer: str, tickets: Sequence[Ticket], notes: Sequence[bytes]) -> int:
        if notes and len(notes) != len(tickets):
            raise ValueError(f"expected a note for each of {len(tickets)} tickets, or none; found {len(notes)}")
        note_of = {id(ticket): note for ticket, note in zip(tickets, notes, strict=False)}
        settled = 0
        for keys, of_partition in self._by_partition(tickets):
            for chunk in _chunks(of_partition):
                arguments: list[str | bytes] = []
                for ticket in chunk:
                    arguments += (ticket.entry_id, ticket.envelope_id, note_of.get(id(ticket), b""))
                settled += self._run(
                    keys, "settle", self._options.group, consumer, self._options.processed_length, *arguments
                )
        return settled

    def retry(
        self, consumer: str, ticket: Ticket, *, delay_s: float, code: str, error: str, counts: bool = True
    ) -> bool:
        delay_ms = max(0, int(delay_s * 1000))
        arguments = (consumer, ticket.entry_id, ticket.envelope_id, delay_ms, code, error, int(counts))
        return bool(self._run(self._partitions[ticket.partition], "retry", self._options.group, *arguments))

    def bury(self, consumer: str, ticket: Ticket, *, code: str, error: str) -> bool:
        keys = self._partitions[ticket.partition]
        is_buried = bool(self._run(keys, "bury", self._options.group, consumer, ticket.entry_id, code, error))
        if is_buried and code == RawMissingError.code:
            RAW_LOST.inc()
        return is_buried

    def hand_back(self, consumer: str, tickets: Sequence[Ticket]) -> None:
        for keys, of_partition in self._by_partition(tickets):
            for chunk in _chunks(of_partition):
                entry_ids = [ticket.entry_id for ticket in chunk]
                self._run(keys, "hand_back", self._options.group, consumer, *entry_ids)

    def promote(self) -> int:
        return sum(int(self._run(keys, "promote", PROMOTE_AT_ONCE)) for keys in self._partitions)

    def beat(self, consumer: str) -> None:
        forget_ms = GONE_AFTER_LEASES * self._options.lease_ms
        for keys in self._partitions:
            self._run(keys, "beat", consumer, forget_ms)

    def leave(self, consumer: str) -> bool:
        gone = [self._run(keys, "leave", self._options.group, consumer, 0) for keys in self._partitions]
        return all(gone)

    def _by_partition(self, tickets: Sequence[Ticket]) -> Iterator[tuple[Keys, Sequence[Ticket]]]:
        if len(self._partitions) == 1:
            yield self._partitions[0], tickets
            return
        groups: dict[int, list[Ticket]] = {}
        for ticket in tickets:
            groups.setdefault(ticket.partition, []).append(ticket)
        for number, group in groups.items():
            yield self._partitions[number], group


class SpooledSlices:
    """A big raw mail in Redis, read slice by slice; raises RawMissingError when one is gone."""

    def __init__(self, client: RedisClient, key: str, number: int, size_bytes: int) -> None:
        self._client = client
        self._key = key
        self._number = number
        self.size_bytes = size_bytes

    def is_whole(self) -> bool:
        """Tell whether all slices are there."""
        with redis_errors():
            return self._client.llen(self._key) == self._number

    def __iter__(self) -> Iterator[bytes]:
        for position in range(self._number):
            with redis_errors():
                stored = cast("bytes | None", self._client.lindex(self._key, position))
            if stored is None:
                raise RawMissingError(f"slice {position} of {self._number} of a big mail is gone from Redis")
            yield codec().unpack(stored)


def _chunks(tickets: Sequence[Ticket]) -> Iterator[Sequence[Ticket]]:
    for start in range(0, len(tickets), MOVES_AT_ONCE):
        yield tickets[start : start + MOVES_AT_ONCE]


def _entries(answer: Any) -> list[Entry]:
    """Flatten the answer of a read of one stream."""
    found: list[Entry] = []
    for _stream, entries in answer or ():
        for entry_id, fields in entries:
            found.append((entry_id, fields or None))
    return found


def fields_from(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return an entry's fields from the flat list that scripts answer with."""
    return dict(zip(flat[::2], flat[1::2], strict=True))
