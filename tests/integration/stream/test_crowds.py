"""Many of everything: pending entries, retries due at once, dead consumers, and a producer that outruns its workers."""

import threading
import time
from collections.abc import Iterator

import pytest

from src.model.cursor import Cursor
from src.stream.protocol import PublishResult
from src.stream.redis_stream import RedisStream
from tests.contracts.stream_contract import A, B, assert_conserved
from tests.contracts.stream_mails import cursor_at, id_of, lease_of, outgoing, publish, raw_of
from tests.fixtures.redis_servers import RedisServer
from tests.integration.stream.streams import stream_on

pytestmark = pytest.mark.redis
STREAM, GROUP = "email_ingestion_stream", "email_processor_group"
CROWD = 100_000
LONGEST_CALL_S = 0.25  # no single script may hold Redis up for longer, on a busy machine


@pytest.fixture
def stream(redis7: RedisServer) -> Iterator[RedisStream]:
    with stream_on(redis7.url, lease_s=60, max_entries=10**7) as stream:
        stream.ensure_group()
        yield stream


def add_directly(server: RedisServer, count: int) -> None:
    """Put copies of one small ticket on the stream, past the scripts, since time is short."""
    item = outgoing(1)
    script = """for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', 'id', 'crowd-' .. i, 'kind', 'added',
      'version', '1', 'attempt', '0', 'slices', '0', 'published_at', '0', 'payload', ARGV[2]) end"""
    with server.client() as client:
        client.eval(script, 1, STREAM, count, item.payload)


def longest_call_s(server: RedisServer) -> float:
    """Return the longest time that one command took since the slow log was reset."""
    with server.client() as client:
        return max((entry["duration"] for entry in client.slowlog_get(128)), default=0) / 1e6


def watch_slow_calls(server: RedisServer) -> None:
    with server.client() as client:
        client.config_set("slowlog-log-slower-than", 10_000)
        client.slowlog_reset()


def test_stale_entries_behind_100k_fresh_ones_are_reclaimed(stream: RedisStream, redis7: RedisServer) -> None:
    add_directly(redis7, CROWD)
    publish(stream, outgoing(1), outgoing(2))
    with redis7.client() as client:
        client.execute_command("XREADGROUP", "GROUP", GROUP, B, "COUNT", CROWD, "STREAMS", STREAM, ">")
        stale = stream.read_new(A, 10, 50)
        for ticket in stale:  # silent for an hour, while the others were just delivered
            client.xclaim(STREAM, GROUP, A, 0, [ticket.entry_id], idle=3_600_000, justid=True)
    watch_slow_calls(redis7)
    found: list[str] = []
    for _ in range(CROWD // 20_000 + 1):
        found += [ticket.envelope_id for ticket in stream.reclaim("worker-c", 100)]
    assert found == [id_of(1), id_of(2)]
    assert longest_call_s(redis7) < LONGEST_CALL_S


def test_100k_retries_due_at_once_come_back_bit_by_bit(stream: RedisStream, redis7: RedisServer) -> None:
    item = outgoing(1)
    script = """for i = 1, ARGV[1] do local id = 'crowd-' .. i
      redis.call('ZADD', KEYS[1], 0, id) redis.call('HSET', KEYS[3], id, 'retry - 0')
      redis.call('HSET', KEYS[2], id, cjson.encode({'id', id, 'kind', 'added', 'version', '1', 'attempt', '1',
        'slices', '0', 'published_at', '0', 'payload', ARGV[2]})) end"""
    with redis7.client() as client:
        keys = (f"{STREAM}:retry", f"{STREAM}:retry:tickets", f"{STREAM}:ledger")
        client.eval(script, 3, *keys, CROWD, item.payload)
    watch_slow_calls(redis7)
    assert stream.promote() == 1000
    stats = stream.stats()
    assert (stats.waiting, stats.retries, stats.retries_due) == (1000, CROWD - 1000, CROWD - 1000)
    assert longest_call_s(redis7) < LONGEST_CALL_S


def test_dead_consumers_by_the_dozen_are_reclaimed_and_deleted(redis_server: RedisServer) -> None:
    with stream_on(redis_server.url, lease_s=0.05) as stream:
        stream.ensure_group()
        publish(stream, *(outgoing(uid) for uid in range(1, 61)))
        for number in range(40):
            assert len(stream.read_new(f"dead-{number}", 1, 50)) == 1
        time.sleep(0.6)  # more than ten leases
        tickets = stream.reclaim(A, 100)
        assert len(tickets) == 40
        assert stream.settle(A, tickets, []) == 40
        stream.reclaim(A, 100)
        assert set(stream.stats().consumers) <= {A}
        assert len(stream.read_new(A, 100, 50)) == 20


def test_a_producer_faster_than_its_workers_trims_nothing(redis_server: RedisServer) -> None:
    mails, batch, cap = 600, 20, 60
    done: dict[str, object] = {}
    depths: list[int] = []
    with stream_on(redis_server.url, lease_s=60, max_entries=cap) as stream:
        stream.ensure_group()

        def work() -> None:
            while len(done) < mails:
                tickets = stream.read_new(A, 10, 100)
                for ticket, raw in zip(tickets, stream.load_raws(tickets), strict=True):
                    done[ticket.envelope_id] = raw
                stream.settle(A, tickets, [])

        worker = threading.Thread(target=work)
        worker.start()
        lease, last = lease_of(stream), 0
        refusals = 0
        while last < mails:
            before = cursor_at(last) if last else Cursor()
            items = [outgoing(uid) for uid in range(last + 1, last + batch + 1)]
            told = stream.publish(lease, items, before=before, after=cursor_at(last + batch))
            refusals += told.result is PublishResult.FULL
            last += batch if told.result is PublishResult.PUBLISHED else 0
            depths.append(stream.stats().waiting)
        worker.join(30)
        assert done == {id_of(uid): raw_of(uid) for uid in range(1, mails + 1)}
        assert max(depths) <= cap
        stats = stream.stats()
        assert stats.counters.get("refused_full", 0) == refusals
        assert_conserved(stats)


def test_clocks_of_workers_do_not_matter(redis7: RedisServer) -> None:
    """Due times and versions come from the server: a worker whose clock is 5 minutes off changes nothing."""
    from tests.fakes.clock import FakeClock

    with stream_on(redis7.url) as right, stream_on(redis7.url) as wrong:
        wrong._clock = FakeClock()  # years away
        publish(wrong, outgoing(1))
        (ticket,) = wrong.read_new(A, 1, 50)
        assert wrong.retry(A, ticket, delay_s=0.05, code="unexpected", error="")
        assert right.promote() == 0
        time.sleep(0.06)
        assert right.promote() == 1
        publish(right, outgoing(2))
        first, second = sorted(right.read_new(B, 10, 50), key=lambda ticket: ticket.place.uid)
        assert abs(first.version / 1e6 - time.time()) < 60
        assert first.version < second.version
