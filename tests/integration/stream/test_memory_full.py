"""Redis at its memory limit: the producer is refused with nothing changed, and workers drain to zero."""

import os
import time
from collections.abc import Iterator

import pytest

from src.common.errors import RedisOutOfMemoryError
from src.model.cursor import Cursor
from src.stream.redis_stream import RedisStream
from tests.contracts.stream_contract import A, assert_conserved
from tests.contracts.stream_mails import ACCOUNT, MAILBOX, cursor_at, lease_of, outgoing
from tests.fixtures.redis_servers import RedisServer
from tests.integration.stream.streams import stream_on

pytestmark = pytest.mark.redis
ROOM_BYTES = 6 * 1024 * 1024  # for mails, above what the server takes by itself


@pytest.fixture
def limited(redis_server: RedisServer) -> Iterator[RedisServer]:
    with redis_server.client() as client:
        client.config_set("maxmemory", client.info("memory")["used_memory"] + ROOM_BYTES)
        yield redis_server
        client.config_set("maxmemory", 0)


def fill(stream: RedisStream) -> int:
    """Publish mails that do not compress until Redis refuses; return how many went in."""
    lease = lease_of(stream)
    for uid in range(1, 10_000):
        before = cursor_at(uid - 1) if uid > 1 else Cursor()
        try:
            stream.publish(lease, [outgoing(uid, raw=os.urandom(20_000))], before=before, after=cursor_at(uid))
        except RedisOutOfMemoryError:
            return uid - 1
    raise AssertionError("Redis never refused")


def test_workers_drain_to_zero(limited: RedisServer) -> None:
    with stream_on(limited.url, lease_s=60, max_entries=10**6) as stream, limited.client() as client:
        stream.ensure_group()
        published = fill(stream)
        assert published > 50
        assert stream.load_cursor(ACCOUNT, MAILBOX) == cursor_at(published), "nothing of the refused batch is there"
        assert stream.stats().waiting == published
        # Still full: every move of a worker must work nevertheless.
        client.config_set("maxmemory", client.info("memory")["used_memory"] - 1)
        one, two, three, *_rest = tickets = stream.read_new(A, 4, 50)
        assert stream.retry(A, one, delay_s=0, code="database_unavailable", error="locked")
        assert stream.bury(A, two, code="mail_unparsable", error="no")
        stream.hand_back(A, [three])
        assert stream.renew(A, tickets[3:]) == tickets[3:]
        stream.begin(A, tickets[3])
        assert lease_of(stream)
        assert stream.read_own_pending(A, 10)
        assert stream.reclaim("worker-b", 10) == []
        assert stream.promote() == 1
        (letter,) = stream.list_dead()
        assert stream.replay([letter.entry_id]) == 1
        assert stream.settle(A, tickets[3:], [b"note"]) == 1
        settled = 1
        while tickets := stream.read_new(A, 100, 50):
            stream.load_raws(tickets)
            settled += stream.settle(A, tickets, [b"note"] * len(tickets))
        stats = stream.stats()
        assert settled == published
        assert (stats.waiting, stats.retries, stats.dead, stats.raw_bytes) == (0, 0, 0, 0)
        assert_conserved(stats)


def test_a_silent_workers_mails_can_be_reclaimed(limited: RedisServer) -> None:
    with stream_on(limited.url, lease_s=0.05, max_entries=10**6) as stream, limited.client() as client:
        stream.ensure_group()
        with stream_on(limited.url, lease_s=600, max_entries=10**6) as producing:
            published = fill(producing)
        client.config_set("maxmemory", client.info("memory")["used_memory"] - 1)
        held = stream.read_new(A, 10_000, 50)
        assert len(held) == published
        time.sleep(0.1)
        assert len(stream.reclaim("worker-b", 10_000)) == published
