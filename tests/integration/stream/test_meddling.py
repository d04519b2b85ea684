"""Someone deletes things by hand while the pipeline runs: an alarm, no crash, and mails may come again."""

import time
from collections.abc import Callable, Iterator

import pytest

from src.common.errors import RedisUnavailableError
from src.model.cursor import Cursor
from src.stream.protocol import PublishResult
from src.stream.redis_stream import RedisStream
from tests.contracts.stream_contract import A, B, assert_conserved
from tests.contracts.stream_mails import ACCOUNT, MAILBOX, cursor_at, id_of, lease_of, outgoing, publish, raw_of
from tests.fixtures.logs import CapturedLogs
from tests.fixtures.redis_servers import RedisServer
from tests.integration.stream.streams import LEASE_S, stream_on

pytestmark = pytest.mark.redis
STREAM = "email_ingestion_stream"


@pytest.fixture
def stream(redis_server: RedisServer) -> Iterator[RedisStream]:
    with stream_on(redis_server.url) as stream:
        stream.ensure_group()
        yield stream


def meddle(server: RedisServer, *command: str) -> None:
    with server.client() as client:
        client.execute_command(*command)


@pytest.mark.parametrize("find", ["own", "reclaim"])
def test_a_pending_entry_deleted_by_hand(
    stream: RedisStream, redis_server: RedisServer, logs: CapturedLogs, find: str
) -> None:
    logs.expect_errors()
    publish(stream, outgoing(1), outgoing(2))
    gone, kept = stream.read_new(A, 10, 50)
    meddle(redis_server, "XDEL", STREAM, gone.entry_id)
    if find == "own":
        found = stream.read_own_pending(A, 10)
    else:
        time.sleep(LEASE_S * 1.5)
        found = stream.reclaim(B, 10)
    assert [ticket.entry_id for ticket in found] == [kept.entry_id]
    assert stream.stats().counters["deleted_pending"] == 1
    assert stream.settle(A if find == "own" else B, found, []) == 1
    assert stream.stats().pending == 0
    assert stream.is_on_its_way_or_dead(ACCOUNT, MAILBOX, [id_of(1)]) == [False]
    if find == "own":
        assert publish(stream, outgoing(1)).added == 1, "what was lost may come again, though it was known"
    stats = stream.stats()
    assert (stats.counters["lost"], stats.raw_bytes > 0) == (1, find == "own"), "or its raw mail is freed"
    assert_conserved(stats)


@pytest.mark.parametrize(
    "command", [("FLUSHALL",), ("DEL", STREAM), ("XGROUP", "DESTROY", STREAM, "email_processor_group")]
)
def test_everything_goes_on_after(
    stream: RedisStream, redis_server: RedisServer, logs: CapturedLogs, command: tuple[str, ...]
) -> None:
    logs.expect_errors()
    lease = lease_of(stream)
    stream.publish(lease, [outgoing(1), outgoing(2)], before=Cursor(), after=cursor_at(2))
    held = stream.read_new(A, 1, 50)
    meddle(redis_server, *command)
    # All that a worker may be about to ask: nothing raises but for want of Redis.
    assert stream.settle(A, held, []) == 0
    assert not stream.retry(A, held[0], delay_s=0, code="unexpected", error="")
    assert not stream.bury(A, held[0], code="unexpected", error="")
    assert stream.renew(A, held) == []
    stream.hand_back(A, held)
    stream.promote()
    stream.reclaim(A, 10)
    stream.stats()
    again = stream.read_own_pending(A, 10) or stream.read_new(A, 10, 50)
    expected = [1, 2] if command[0] == "XGROUP" else []
    assert [ticket.place.uid for ticket in again] == expected, "what is not settled is read again"
    # And the producer: reads its cursor anew, and brings what is not there.
    lease = lease_of(stream)
    cursor = stream.load_cursor(ACCOUNT, MAILBOX)
    assert cursor == (Cursor() if command[0] == "FLUSHALL" else cursor_at(2))
    told = stream.publish(lease, [outgoing(1), outgoing(2)], before=cursor, after=cursor_at(2))
    assert told.result is PublishResult.PUBLISHED
    assert told.added == 2 - len(expected)
    again += stream.read_new(A, 10, 50)
    assert stream.settle(A, again, []) == 2
    stats = stream.stats()
    assert (stats.waiting, stats.raw_bytes) == (0, 0)
    assert_conserved(stats)


def test_an_operator_may_rewind_a_mailbox(stream: RedisStream, redis_server: RedisServer) -> None:
    lease = lease_of(stream)
    stream.publish(lease, [outgoing(1)], before=Cursor(), after=cursor_at(1))
    meddle(redis_server, "SET", f"producer_state:{ACCOUNT}:{MAILBOX}:last_uid", "0")
    told = stream.publish(lease, [outgoing(2)], before=cursor_at(1), after=cursor_at(2))
    assert told.result is PublishResult.CURSOR_MOVED
    assert stream.load_cursor(ACCOUNT, MAILBOX) == cursor_at(0)


def test_a_foreign_entry_is_buried_and_counted(
    stream: RedisStream, redis_server: RedisServer, logs: CapturedLogs
) -> None:
    logs.expect_errors()
    meddle(redis_server, "XADD", STREAM, "*", "hello", "world")
    publish(stream, outgoing(1))
    tickets = stream.read_new(A, 10, 50)
    assert [ticket.place.uid for ticket in tickets] == [1]
    assert [letter.code for letter in stream.list_dead()] == ["ticket_unreadable"]
    assert_conserved(stream.stats())


def test_a_raw_mail_deleted_by_hand_is_missing_not_an_error(stream: RedisStream, redis_server: RedisServer) -> None:
    publish(stream, outgoing(1), outgoing(2))
    tickets = stream.read_new(A, 10, 50)
    meddle(redis_server, "DEL", f"{STREAM}:raw:{id_of(1)}")
    meddle(redis_server, "SET", f"{STREAM}:raw:{id_of(2)}", "not ours")
    assert stream.load_raws(tickets[:1]) == [None]


def test_staged_slices_that_expired_make_the_batch_be_read_again(redis_server: RedisServer) -> None:
    from src.common.errors import StagedExpiredError
    from tests.contracts.stream_contract import Pieces

    with stream_on(redis_server.url, max_entries=1, spool_bytes=100_000) as stream:
        publish(stream, outgoing(1))
        big = outgoing(2, raw=Pieces(b"x" * 200_000))
        assert publish(stream, big).result is PublishResult.FULL
        meddle(redis_server, "DEL", f"{STREAM}:staged:{id_of(2)}")
        with pytest.raises(StagedExpiredError):
            publish(stream, big)


def test_staged_slices_expire_by_themselves(redis_server: RedisServer) -> None:
    with stream_on(redis_server.url, max_entries=1, spool_bytes=100_000) as stream, redis_server.client() as client:
        publish(stream, outgoing(1))
        publish(stream, outgoing(2, size_bytes=200_000))
        assert 0 < client.ttl(f"{STREAM}:staged:{id_of(2)}") <= 3600
        stream.settle(A, stream.read_new(A, 10, 50), [])
        assert publish(stream, outgoing(2, size_bytes=200_000)).added == 1
        assert client.ttl(f"{STREAM}:raw:{id_of(2)}") == -1, "a raw mail on its way never expires"
        assert client.exists(f"{STREAM}:staged:{id_of(2)}") == 0


def test_redis_down_is_a_temporary_error(own_redis: Callable[..., RedisServer]) -> None:
    server = own_redis("redis7")
    with stream_on(server.url) as stream:
        stream.ensure_group()
        server.kill9()
        for ask in (stream.stats, stream.promote, lambda: stream.read_new(A, 1, 10), lambda: lease_of(stream)):
            with pytest.raises(RedisUnavailableError):
                ask()


@pytest.mark.parametrize("move", ["replay", "purge"])
def test_the_ghost_of_a_dead_letter_does_no_harm_to_its_mail(
    stream: RedisStream, redis_server: RedisServer, move: str
) -> None:
    """A kill in the middle of a burial may leave a letter of a mail that is still alive (see _shared.lua)."""
    publish(stream, outgoing(1))
    meddle(redis_server, "XADD", "email_ingestion_dlq", "*", "id", id_of(1), "code", "unexpected", "kind", "added")
    (ghost,) = stream.list_dead()
    assert (stream.replay if move == "replay" else stream.purge)([ghost.entry_id]) == 0
    assert stream.list_dead() == []
    (ticket,) = stream.read_new(A, 10, 50)
    assert stream.load_raws([ticket]) == [raw_of(1)]
    assert stream.settle(A, [ticket], []) == 1
    assert_conserved(stream.stats())


def test_a_big_mail_twice_in_one_batch_is_published_once(stream: RedisStream) -> None:
    big = outgoing(1, size_bytes=9_000_000)
    published = publish(stream, big, big)
    assert (published.added, published.repeated) == (1, 1)
    (ticket,) = stream.read_new(A, 10, 50)
    (raw,) = stream.load_raws([ticket])
    assert raw is not None
    assert b"".join(raw if not isinstance(raw, bytes) else [raw]) == raw_of(1, 9_000_000)
