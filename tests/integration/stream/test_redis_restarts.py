"""Redis dies and comes back: the same objects go on, and what it forgets it forgets together."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

from src.common.errors import RedisUnavailableError
from src.model.cursor import Cursor
from src.stream.protocol import PublishResult
from src.stream.redis_stream import RedisStream
from tests.contracts.stream_contract import A
from tests.contracts.stream_mails import ACCOUNT, MAILBOX, cursor_at, id_of, lease_of, outgoing, raw_of
from tests.fixtures.redis_servers import RedisServer, Version
from tests.integration.stream.streams import stream_on

pytestmark = pytest.mark.redis

Answer = TypeVar("Answer")

MAILS = 1500
BATCH = 25
DEADLINE_S = 60.0


def patient(ask: Callable[[], Answer]) -> Answer:
    """Ask until Redis answers, as the loops of producer and worker do."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            return ask()
        except RedisUnavailableError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def produce(stream: RedisStream) -> None:
    """Publish all mails, going on from the stored cursor after each break."""

    def step() -> None:
        cursor = stream.load_cursor(ACCOUNT, MAILBOX)
        done = cursor.get_int("last_uid")
        if done >= MAILS:
            return
        lease = stream.acquire_lease(ACCOUNT, MAILBOX, "tests")
        assert lease is not None
        batch = [outgoing(uid, size_bytes=6000) for uid in range(done + 1, done + BATCH + 1)]
        stream.publish(lease, batch, before=cursor, after=cursor_at(done + BATCH))

    while True:
        patient(step)
        if patient(lambda: stream.load_cursor(ACCOUNT, MAILBOX)).get_int("last_uid") >= MAILS:
            return


def work(stream: RedisStream, done: dict[str, bytes], is_over: threading.Event) -> None:
    """Take and settle until told that it is over and nothing waits."""

    def step() -> None:
        tickets = stream.read_own_pending(A, 100) or stream.read_new(A, 100, 50)
        for ticket, raw in zip(tickets, stream.load_raws(tickets), strict=True):
            assert isinstance(raw, bytes)
            done[ticket.envelope_id] = raw
        stream.settle(A, tickets, [b"note"] * len(tickets))

    while True:
        patient(step)
        if is_over.is_set() and patient(stream.stats).waiting == 0:
            return


def test_kill9_under_load_loses_nothing(own_redis: Callable[..., RedisServer], redis_version: Version) -> None:
    server = own_redis(redis_version)
    done: dict[str, bytes] = {}
    is_over = threading.Event()
    with stream_on(server.url, lease_s=60) as producing, stream_on(server.url, lease_s=60) as working:
        working.ensure_group()
        producer = threading.Thread(target=produce, args=(producing,))
        worker = threading.Thread(target=work, args=(working, done, is_over))
        producer.start()
        worker.start()
        for _ in range(4):
            time.sleep(0.25)
            server.restart()
        producer.join(DEADLINE_S)
        is_over.set()
        worker.join(DEADLINE_S)
        assert not producer.is_alive()
        assert not worker.is_alive()
        assert done == {id_of(uid): raw_of(uid, 6000) for uid in range(1, MAILS + 1)}
        # The counters may be off after a kill in the middle of a write, see test_half_a_publish below; mails are not.
        stats = working.stats()
        assert (stats.waiting, stats.pending, stats.retries, stats.dead) == (0, 0, 0, 0)


def test_a_truncated_aof_forgets_cursor_and_entries_together(
    own_redis: Callable[..., RedisServer], redis_version: Version
) -> None:
    server = own_redis(redis_version)
    with stream_on(server.url, lease_s=600) as stream:
        lease = lease_of(stream)
        for uid in range(1, 31):
            before = cursor_at(uid - 1) if uid > 1 else Cursor()
            told = stream.publish(lease, [outgoing(uid, size_bytes=500)], before=before, after=cursor_at(uid))
            assert told.result is PublishResult.PUBLISHED
        for cut_bytes in (1, 700, 3000, 9001):
            server.kill9()
            files = [*server.folder.rglob("*.incr.aof"), *server.folder.glob("appendonly.aof")]
            newest = max(files, key=lambda file: file.stat().st_mtime)
            data = newest.read_bytes()
            newest.write_bytes(data[:-cut_bytes])
            server.start()
            last_uid = stream.load_cursor(ACCOUNT, MAILBOX).get_int("last_uid")
            there = [ticket.place.uid for ticket, _place in stream.tickets_of(ACCOUNT, MAILBOX)]
            assert there == list(range(1, last_uid + 1))
            stats = stream.stats()
            assert stats.counters["published"] == last_uid
            assert stream.is_on_its_way_or_dead(ACCOUNT, MAILBOX, [id_of(last_uid + 1)]) == [False]
        assert last_uid < 30


def test_a_restart_while_a_reader_waits(own_redis: Callable[..., RedisServer], redis_version: Version) -> None:
    server = own_redis(redis_version)
    with stream_on(server.url, lease_s=60) as stream:
        stream.ensure_group()
        waiting = threading.Thread(target=lambda: outcome.append(_read(stream)))
        outcome: list[object] = []
        waiting.start()
        time.sleep(0.2)
        server.restart()
        waiting.join(10)
        assert isinstance(outcome[0], RedisUnavailableError)
        lease = lease_of(stream)
        stream.publish(lease, [outgoing(1)], before=Cursor(), after=cursor_at(1))
        assert [ticket.place.uid for ticket in stream.read_new(A, 10, 100)] == [1]


def _read(stream: RedisStream) -> object:
    try:
        return stream.read_new(A, 10, 2000)
    except RedisUnavailableError as error:
        return error


def test_half_a_publish_that_comes_back_is_dropped(
    own_redis: Callable[..., RedisServer], redis_version: Version
) -> None:
    """Killed in the middle of writing a transaction and killed again: Redis applies its beginning at the second start.

    The torn publish then stands beside the one made in its place; each mail has one effect and nothing is left.
    """
    server = own_redis(redis_version)
    with stream_on(server.url, lease_s=600) as stream:
        batch = [outgoing(uid) for uid in (1, 2, 3)]
        stream.publish(lease_of(stream), batch, before=Cursor(), after=cursor_at(3))
        server.kill9()
        (aof,) = [*server.folder.rglob("*.incr.aof"), *server.folder.glob("appendonly.aof")]
        aof.write_bytes(aof.read_bytes()[:-300])
        server.start()
        assert stream.stats().waiting == 0
        stream.publish(lease_of(stream), batch, before=Cursor(), after=cursor_at(3))
        server.restart()
        tickets = stream.read_new(A, 100, 50)
        assert len({ticket.envelope_id for ticket in tickets}) == 3
        assert len(tickets) == 6, "if this fails, Redis has mended it, and the ledger need not tell copies apart"
        raws = stream.load_raws(tickets)
        assert all(raws)
        assert stream.retry(A, tickets[0], delay_s=0, code="unexpected", error="") is False
        assert stream.settle(A, tickets[1:], []) == 5
        stats = stream.stats()
        assert (stats.waiting, stats.retries, stats.dead, stats.counters["settled"]) == (0, 0, 0, 3)
        assert stream.load_raws(tickets) == [None] * 6
