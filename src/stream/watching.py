"""Watching: what is on the stream now, by number and by mail."""

from collections import Counter
from collections.abc import Iterator, Sequence

import orjson

from src.common.errors import TicketUnreadableError
from src.common.redis_client import redis_errors, redis_version
from src.model.ticket import Ticket
from src.stream.base import Fields
from src.stream.dead_letters import DeadLettering
from src.stream.keys import Keys
from src.stream.protocol import StreamStats
from src.stream.ticket_codec import decode_ticket
from src.stream.working import fields_from

PAGE = 500  # entries read in one go
IDS_AT_ONCE = 1000  # ids looked up by one script


class Watching(DeadLettering):
    """The part of RedisStream that changes nothing."""

    def is_on_its_way_or_dead(self, account: str, mailbox: str, envelope_ids: Sequence[str]) -> list[bool]:
        keys = self._keys_for(account, mailbox)
        found: list[bool] = []
        for start in range(0, len(envelope_ids), IDS_AT_ONCE):
            told = self._run(keys, "locate", *envelope_ids[start : start + IDS_AT_ONCE])
            found += [bool(one) for one in told]
        return found

    def tickets_of(self, account: str, mailbox: str | None = None) -> Iterator[tuple[Ticket, str]]:
        for keys in self._partitions if mailbox is None else (self._keys_for(account, mailbox),):
            for ticket, place in self._all_tickets(keys):
                if ticket.account == account and mailbox in (None, ticket.place.mailbox):
                    yield ticket, place

    def _all_tickets(self, keys: Keys) -> Iterator[tuple[Ticket, str]]:
        for entry_id, fields in self._walk_entries(keys):
            ticket = _readable(entry_id, fields, keys.partition)
            if ticket is not None:
                yield ticket, "live"
        for held in self._walk_retries(keys):
            flat = [item.encode("utf-8", "surrogatepass") for item in orjson.loads(held)]
            ticket = _readable(b"0-0", fields_from(flat), keys.partition)
            if ticket is not None:
                yield ticket, "retry"
        for letter in self._walk_dead(keys):
            if letter.ticket is not None:
                yield letter.ticket, "dead"

    def _walk_retries(self, keys: Keys) -> Iterator[bytes]:
        with redis_errors():
            for _id, held in self._client.hscan_iter(keys.retry_tickets, count=PAGE):
                yield held

    def _walk_entries(self, keys: Keys) -> Iterator[tuple[bytes, Fields]]:
        start = "-"
        while True:
            entries = self._range(keys.stream, start, "+", PAGE)
            yield from entries
            if len(entries) < PAGE:
                return
            start = f"({entries[-1][0].decode()}"

    def stats(self) -> StreamStats:
        numbers = [0] * 5
        codes: Counter[str] = Counter()
        counters: Counter[str] = Counter()
        consumers: dict[str, float] = {}
        oldest_ms = 0
        for keys in self._partitions:
            *counts, by_code, counted, age_ms, idle = self._run(keys, "stats", self._options.group)
            numbers = [so_far + more for so_far, more in zip(numbers, counts, strict=True)]
            codes.update(_numbers(by_code))
            counters.update(_numbers(counted))
            oldest_ms = max(oldest_ms, int(age_ms))
            for name, idle_ms in _numbers(idle).items():
                consumers[name] = min(idle_ms / 1000, consumers.get(name, idle_ms / 1000))
        waiting, pending, retries, retries_due, dead = numbers
        return StreamStats(
            waiting=waiting,
            pending=pending,
            retries=retries,
            retries_due=retries_due,
            dead=dead,
            dead_by_code=dict(codes),
            raw_bytes=counters.pop("raw_bytes", 0),
            max_entries=self._options.max_entries,
            max_bytes=self._options.max_bytes,
            oldest_waiting_s=max(0, oldest_ms) / 1000,
            counters=dict(counters),
            consumers=consumers,
            redis_version=redis_version(self._client),
        )


def _numbers(flat: Sequence[bytes | int]) -> dict[str, int]:
    names = (item.decode("utf-8", "replace") for item in flat[::2] if isinstance(item, bytes))
    return {name: int(number) for name, number in zip(names, flat[1::2], strict=True)}


def _readable(entry_id: bytes, fields: Fields, partition: int) -> Ticket | None:
    try:
        return decode_ticket(entry_id, fields, partition)
    except TicketUnreadableError:
        return None
