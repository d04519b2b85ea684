"""Reclaiming: tickets of workers that fell silent go to others, and what was deleted by hand is found.

It runs on its own timer, never in the way of reading. One consumer at a time does it, under a lease that expires. It
goes through the pending entries in windows and remembers where it stopped, so that no call holds Redis up for long and
stale entries behind many fresh ones are reached all the same.
"""

from typing import Any, cast

from src.common.clock import Clock
from src.common.errors import WorkerCrashedError
from src.common.instruments import DLQ_MESSAGES, RAW_LOST, RECLAIMED
from src.common.logs import get_logger
from src.common.redis_client import RedisConnection, redis_errors
from src.model.ticket import Ticket
from src.stream.keys import Keys
from src.stream.options import StreamOptions
from src.stream.working import GONE_AFTER_LEASES, Entry, Working, fields_from

log = get_logger(__name__)

WINDOW = 1000  # pending entries that one script looks at, about 2 ms
WINDOWS_AT_ONCE = 20  # scripts in one call of `reclaim`
RECLAIM_LEASE_MS = 5000  # a consumer that dies while it reclaims holds up the others for this long
AUDIT_AT_ONCE = 200  # mails of the ledger that one call of `reclaim` looks after
UNTOLD_DELIVERIES = 4  # times MAX_CRASHES: so many deliveries count as a crash even without `begin`
_START = "-"


class Reclaiming(Working):
    """The part of RedisStream that mends what crashes leave."""

    def __init__(self, connection: RedisConnection, options: StreamOptions, clock: Clock | None = None) -> None:
        super().__init__(connection, options, clock)
        self._places: dict[int, str] = {}  # partition to the entry id after which the next window begins
        self._own_places: dict[tuple[int, str], str] = {}  # partition and consumer to where the walk of its own stands
        self._audits: dict[int, str] = {}  # partition to the cursor of the walk through the ledger

    def read_own_pending(self, consumer: str, count: int) -> list[Ticket]:
        tickets: list[Ticket] = []
        for keys in self._partitions:
            if len(tickets) >= count:
                break
            self._adopt(keys, consumer)
            tickets += self._read_own(keys, consumer, count - len(tickets))
        if not tickets:
            self._own_places.clear()
        return tickets

    def _read_own(self, keys: Keys, consumer: str, count: int) -> list[Ticket]:
        place = (keys.partition, consumer)
        while True:
            entries = self._read_entries(keys, consumer, count, self._own_places.get(place, "0"), 0)
            if not entries:
                return []
            self._own_places[place] = entries[-1][0].decode()
            tickets = self._tickets(keys, consumer, self._with_crashes(keys, entries))
            if tickets:
                return tickets

    def _with_crashes(self, keys: Keys, entries: list[Entry]) -> list[Entry]:
        ids = [fields.get(b"id", b"") for _entry_id, fields in entries if fields]
        if not ids:
            return entries
        with redis_errors():
            told = dict(zip(ids, cast("list[bytes | None]", self._client.hmget(keys.crashes, ids)), strict=True))
        return [
            (entry_id, {**fields, b"crashes": told.get(fields.get(b"id", b"")) or b"0"} if fields else fields)
            for entry_id, fields in entries
        ]

    def _adopt(self, keys: Keys, consumer: str) -> None:
        """Judge what an earlier process under this consumer's name left, once; it stays this consumer's."""
        with redis_errors():
            life = self._client.hget(keys.lives, consumer)
        if life == self._life.encode():
            return
        after = _START
        while True:
            answer = self._reclaim_window(keys, consumer, mode="own", after=after, count=WINDOW)
            after = answer[0].decode()
            self._count_finds(keys, answer)
            if not after:
                break
        self._run(keys, "begin", "lives", consumer, self._life)

    def reclaim(self, consumer: str, count: int) -> list[Ticket]:
        tickets: list[Ticket] = []
        for keys in self._partitions:
            tickets += self._reclaim_partition(keys, consumer, count - len(tickets))
            if len(tickets) >= count:
                break
        return tickets

    def _reclaim_partition(self, keys: Keys, consumer: str, count: int) -> list[Ticket]:
        entries: list[Entry] = []
        for _ in range(WINDOWS_AT_ONCE):
            after = self._places.get(keys.partition, _START)
            answer = self._reclaim_window(keys, consumer, mode="silent", after=after, count=count - len(entries))
            if answer[0] == b"busy":
                return []
            self._places[keys.partition] = answer[0].decode() or _START
            for entry_id, flat, crashes in answer[1]:
                entries.append((entry_id, {**fields_from(flat), b"crashes": crashes}))
            self._count_finds(keys, answer)
            if not answer[0]:
                self._delete_gone_consumers(keys)
                self._audit(keys)
                break
            if len(entries) >= count:
                break
        return self._tickets(keys, consumer, entries)

    def _reclaim_window(self, keys: Keys, consumer: str, *, mode: str, after: str, count: int) -> Any:
        options = self._options
        return self._run(
            keys,
            "reclaim",
            options.group,
            consumer,
            mode,
            options.lease_ms if mode == "silent" else 0,
            after,
            count,
            options.max_crashes,
            WINDOW,
            options.max_crashes * UNTOLD_DELIVERIES,
            RECLAIM_LEASE_MS,
        )

    def _count_finds(self, keys: Keys, answer: Any) -> None:
        taken, buried, deleted = len(answer[1]), int(answer[2]), int(answer[3])
        RECLAIMED.inc(taken)
        if buried:
            DLQ_MESSAGES.labels(WorkerCrashedError.code).inc(buried)
            log.error("crashing_mails_buried", partition=keys.partition, count=buried)
        if deleted:
            RAW_LOST.inc(deleted)
            log.error("pending_entries_deleted", partition=keys.partition, count=deleted)

    def _delete_gone_consumers(self, keys: Keys) -> None:
        gone_ms = GONE_AFTER_LEASES * self._options.lease_ms
        with redis_errors():
            told = self._client.xinfo_consumers(keys.stream, self._options.group)
        for consumer in told:
            if consumer["pending"] == 0 and consumer["idle"] > gone_ms:
                self._run(keys, "leave", self._options.group, consumer["name"], gone_ms)

    def _audit(self, keys: Keys) -> None:
        """Go a step through the ledger: what was deleted by hand is forgotten, so that it may come again."""
        cursor, lost = self._run(keys, "audit", self._audits.get(keys.partition, "0"), AUDIT_AT_ONCE)
        self._audits[keys.partition] = cursor.decode()
        if int(lost):
            RAW_LOST.inc(int(lost))
            log.error("mails_lost_from_stream", partition=keys.partition, count=int(lost))
