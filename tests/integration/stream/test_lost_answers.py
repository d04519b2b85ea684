"""An answer that never came: whatever the script or read, asking again gives one effect, and nothing is lost."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from src.common.errors import RedisUnavailableError
from src.model.cursor import Cursor
from src.stream.protocol import PublishResult
from src.stream.redis_stream import RedisStream
from src.stream.scripts import NAMES, Name, load_script
from tests.contracts.stream_contract import A, B, assert_conserved, whole
from tests.contracts.stream_mails import ACCOUNT, MAILBOX, cursor_at, id_of, lease_of, outgoing, publish, raw_of
from tests.fakes.proxy import Proxy
from tests.fixtures.redis_servers import RedisServer
from tests.integration.stream.streams import stream_on

pytestmark = pytest.mark.redis
Answer = TypeVar("Answer")


@pytest.fixture
def proxy(redis_server: RedisServer) -> Iterator[Proxy]:
    with redis_server.client() as client:
        for name in NAMES:
            client.script_load(load_script(name).text)
    with Proxy(redis_server.port) as proxy:
        yield proxy


@pytest.fixture
def stream(proxy: Proxy) -> Iterator[RedisStream]:
    with stream_on(f"redis://127.0.0.1:{proxy.port}/0", lease_s=60) as stream:
        stream.ensure_group()
        yield stream


def lose_one(proxy: Proxy, what: Name | bytes, ask: Callable[[], Answer]) -> Answer:
    """Lose the answer to the first try, and return that of the second."""
    proxy.lose_answer_to(what if isinstance(what, bytes) else load_script(what).sha.encode())
    before = proxy.answers_lost
    with pytest.raises(RedisUnavailableError):
        ask()
    assert proxy.answers_lost == before + 1
    return ask()


def test_publish(stream: RedisStream, proxy: Proxy) -> None:
    lease = lease_of(stream)
    told = lose_one(
        proxy,
        "publish",
        lambda: stream.publish(lease, [outgoing(1), outgoing(2)], before=Cursor(), after=cursor_at(2)),
    )
    assert told.result is PublishResult.CURSOR_MOVED
    assert stream.load_cursor(ACCOUNT, MAILBOX) == cursor_at(2), "the first try did arrive"
    assert stream.stats().waiting == 2
    told = lose_one(
        proxy,
        "publish",
        lambda: stream.publish(lease, [outgoing(2), outgoing(3)], before=cursor_at(2), after=cursor_at(2)),
    )
    assert (told.added, told.repeated) == (0, 2), "without a cursor to compare, the ids tell"
    assert stream.stats().waiting == 3


def test_stage(stream: RedisStream, proxy: Proxy) -> None:
    raw = b"x" * 2_500_000
    item = outgoing(1, raw=raw)
    with stream_on(f"redis://127.0.0.1:{proxy.port}/0", spool_bytes=1_000_000) as spooling:
        assert lose_one(proxy, "stage", lambda: publish(spooling, item)).added == 1
    (ticket,) = stream.read_new(A, 10, 50)
    (loaded,) = stream.load_raws([ticket])
    assert whole(loaded) == raw


def test_settle_retry_and_bury(stream: RedisStream, proxy: Proxy) -> None:
    publish(stream, outgoing(1), outgoing(2), outgoing(3))
    one, two, three = stream.read_new(A, 10, 50)
    assert lose_one(proxy, "settle", lambda: stream.settle(A, [one], [b"note"])) == 0
    assert not lose_one(proxy, "retry", lambda: stream.retry(A, two, delay_s=0, code="unexpected", error=""))
    assert not lose_one(proxy, "bury", lambda: stream.bury(A, three, code="unexpected", error=""))
    stats = stream.stats()
    assert (stats.waiting, stats.retries, stats.dead, stats.counters["settled"]) == (0, 1, 1, 1)
    assert lose_one(proxy, "promote", stream.promote) == 0
    assert stream.stats().waiting == 1
    (letter,) = stream.list_dead()
    assert lose_one(proxy, "replay", lambda: stream.replay([letter.entry_id])) == 0
    assert stream.stats().waiting == 2
    again = stream.read_new(A, 10, 50)
    assert sorted(ticket.envelope_id for ticket in again) == sorted([two.envelope_id, three.envelope_id])
    lose_one(proxy, "hand_back", lambda: stream.hand_back(A, again))
    assert len(stream.read_new(B, 10, 50)) == 2
    assert_conserved(stream.stats())


def test_purge(stream: RedisStream, proxy: Proxy) -> None:
    publish(stream, outgoing(1, dead_code="mail_too_large"))
    (letter,) = stream.list_dead()
    assert lose_one(proxy, "purge", lambda: stream.purge([letter.entry_id])) == 0
    assert stream.stats().dead == 0


def test_leases(stream: RedisStream, proxy: Proxy) -> None:
    first = lose_one(proxy, "lease", lambda: stream.acquire_lease(ACCOUNT, MAILBOX, "tests"))
    assert first is not None, "the owner of a lease whose answer was lost may ask again"
    assert lose_one(proxy, "renew_lease", lambda: stream.renew_lease(first))
    assert lose_one(proxy, "leave", lambda: stream.leave(A))


def test_a_lost_read_is_found_among_the_own_pending(stream: RedisStream, proxy: Proxy) -> None:
    publish(stream, *(outgoing(uid) for uid in range(1, 6)))
    assert lose_one(proxy, b"XREADGROUP", lambda: stream.read_new(A, 10, 50)) == []
    tickets = lose_one(proxy, b"XREADGROUP", lambda: stream.read_own_pending(A, 10))
    assert [ticket.envelope_id for ticket in tickets] == [id_of(uid) for uid in range(1, 6)]
    assert lose_one(proxy, b"MGET", lambda: stream.load_raws(tickets)) == [raw_of(uid) for uid in range(1, 6)]
    assert lose_one(proxy, "renew", lambda: stream.renew(A, tickets)) == tickets
    assert stream.settle(A, tickets, []) == 5


def test_a_lost_reclaim_is_found_among_the_own_pending(proxy: Proxy) -> None:
    with stream_on(f"redis://127.0.0.1:{proxy.port}/0", lease_s=0.05) as stream:
        publish(stream, outgoing(1), outgoing(2))
        assert len(stream.read_new(A, 10, 50)) == 2

        time.sleep(0.1)
        assert stream.read_own_pending(B, 10) == []
        assert lose_one(proxy, "reclaim", lambda: stream.reclaim(B, 10)) == []
        tickets = stream.read_own_pending(B, 10)
        assert [ticket.crashes for ticket in tickets] == [1, 1]
        assert stream.settle(B, tickets, []) == 2


def test_reads_that_change_nothing(stream: RedisStream, proxy: Proxy) -> None:
    publish(stream, outgoing(1))
    assert lose_one(proxy, "stats", stream.stats).waiting == 1
    assert lose_one(proxy, "locate", lambda: stream.is_on_its_way_or_dead(ACCOUNT, MAILBOX, [id_of(1)])) == [True]
    assert lose_one(proxy, b"MGET", lambda: stream.load_cursor(ACCOUNT, MAILBOX)) == Cursor()
    assert lose_one(proxy, b"XRANGE", stream.list_dead) == []


def test_a_half_open_connection_is_given_up(redis7: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.common.redis_client.COMMAND_TIMEOUT_S", 0.3)
    monkeypatch.setattr("src.common.redis_client.BLOCKING_TIMEOUT_S", 0.3)
    with Proxy(redis7.port) as proxy, stream_on(f"redis://127.0.0.1:{proxy.port}/0") as stream:
        publish(stream, outgoing(1))
        proxy.go_half_open()
        with pytest.raises(RedisUnavailableError):
            stream.read_new(A, 10, 50)
        with pytest.raises(RedisUnavailableError):
            stream.stats()
        proxy.heal()
        tickets = stream.read_own_pending(A, 10) or stream.read_new(A, 10, 50)
        assert [ticket.envelope_id for ticket in tickets] == [id_of(1)]
