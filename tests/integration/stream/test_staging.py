"""Raw mails are staged in the step that publishes them: nothing of them stays behind, and no error tells of them."""

import traceback
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from src.common.errors import RedisMisconfiguredError, RedisOutOfMemoryError
from src.model.cursor import Cursor
from src.stream.protocol import Outgoing, Published, PublishResult
from src.stream.redis_stream import RedisStream
from tests.contracts.stream_contract import A, whole
from tests.contracts.stream_mails import cursor_at, id_of, lease_of, outgoing, publish
from tests.fixtures.redis_servers import RedisServer
from tests.integration.stream.streams import stream_on

pytestmark = pytest.mark.redis
STREAM = "email_ingestion_stream"


@pytest.fixture
def stream(redis_server: RedisServer) -> Iterator[RedisStream]:
    with stream_on(redis_server.url) as stream:
        stream.ensure_group()
        yield stream


def order(server: RedisServer, *command: str) -> None:
    with server.client() as client:
        client.execute_command(*command)


def staged(server: RedisServer) -> list[bytes]:
    with server.client() as client:
        return list(client.scan_iter(f"{STREAM}:staged:*"))


def told_by(error: BaseException) -> str:
    """Return all that a log with a traceback would show of an error."""
    return "".join(traceback.format_exception(error))


def test_what_is_refused_or_there_already_leaves_nothing_staged(redis_server: RedisServer) -> None:
    with stream_on(redis_server.url, max_entries=2) as stream:
        lease, small, large = lease_of(stream), outgoing(1, raw=b"x"), outgoing(2, raw=b"a large one\n" * 1000)

        def told(before: Cursor, *mails: Outgoing, token: int = lease.token) -> Published:
            published = stream.publish(replace(lease, token=token), mails, before=before, after=cursor_at(2))
            assert staged(redis_server) == []
            return published

        assert told(Cursor(), small, large, small).repeated == 1
        assert told(cursor_at(2), small, large).repeated == 2
        assert told(cursor_at(2), outgoing(3)).result is PublishResult.FULL
        assert told(cursor_at(1), outgoing(3)).result is PublishResult.CURSOR_MOVED
        assert told(cursor_at(2), outgoing(3), token=lease.token - 1).result is PublishResult.FENCED
        assert [whole(raw) for raw in stream.load_raws(stream.read_new(A, 10, 50))] == [small.raw, large.raw]


def test_a_raw_mail_staged_before_a_step_that_never_came_expires(redis_server: RedisServer) -> None:
    """Killed twice, Redis may keep only the beginning of a step: see `_shared.lua`."""
    with stream_on(redis_server.url) as stream, redis_server.client() as client:
        with client.monitor() as monitor:
            publish(stream, outgoing(1, raw=b"x"))
            told = (str(monitor.next_command()["command"]) for _ in range(100))
            command = next(each for each in told if each.startswith(f"SET {STREAM}:staged:{id_of(1)}:0 "))
        assert command.endswith(" EX 3600")
        assert client.ttl(f"{STREAM}:raw:{id_of(1)}") == -1, "a raw mail on its way never expires"


def test_a_server_that_forgot_its_scripts_is_given_them_again(stream: RedisStream, redis_server: RedisServer) -> None:
    order(redis_server, "SCRIPT", "FLUSH")
    assert publish(stream, outgoing(1)).added == 1


def test_an_error_of_redis_never_tells_of_the_mail(stream: RedisStream, redis_server: RedisServer) -> None:
    mail = b"Subject: BUSY secret\r\n\r\nsecret"
    for command in ("SET", "EVALSHA"):
        order(redis_server, "ACL", "SETUSER", "default", f"-{command.lower()}")
        try:
            with pytest.raises(RedisMisconfiguredError) as caught:
                publish(stream, outgoing(1, raw=mail))
        finally:
            order(redis_server, "ACL", "SETUSER", "default", "+@all")
        assert "secret" not in told_by(caught.value)
        assert staged(redis_server) == []


def test_out_of_memory_nothing_stays_staged_and_no_error_tells_of_the_mail(
    stream: RedisStream, redis_server: RedisServer
) -> None:
    publish(stream, outgoing(1))
    order(redis_server, "CONFIG", "SET", "maxmemory", "1")
    try:
        with pytest.raises(RedisOutOfMemoryError) as caught:
            publish(stream, outgoing(2, raw=bytes.fromhex("736563726574")))
    finally:
        order(redis_server, "CONFIG", "SET", "maxmemory", "0")
    assert "secret" not in told_by(caught.value)
    assert staged(redis_server) == []
    assert publish(stream, outgoing(2)).added == 1


def test_a_mail_twice_in_one_batch_with_other_bytes_is_published_once(redis_server: RedisServer) -> None:
    small, large = outgoing(1, raw=b"x"), outgoing(1, raw=b"a large one\n" * 100)
    for items in ((small, large), (large, small)):
        with stream_on(redis_server.url, spool_bytes=100) as stream, redis_server.client() as client:
            published = publish(stream, *items)
            assert (published.added, published.repeated) == (1, 1)
            [ticket] = stream.read_new(A, 10, 50)
            assert [whole(raw) for raw in stream.load_raws([ticket])] == [items[0].raw]
            assert staged(redis_server) == []
            client.flushall()


@pytest.mark.parametrize("again", [{"force": True}, {"dead_code": "too_large"}])
@pytest.mark.parametrize("spool_bytes", [1, 1000])
def test_a_repeat_does_not_take_the_raw_mail_of_one_that_is_to_be_published(
    redis_server: RedisServer, again: dict[str, Any], spool_bytes: int
) -> None:
    with stream_on(redis_server.url, spool_bytes=spool_bytes) as stream:
        stream.ensure_group()
        publish(stream, outgoing(1))
        [ticket] = stream.read_new(A, 10, 50)
        stream.settle(A, [ticket], [])
        published = publish(stream, outgoing(1), outgoing(1, raw=b"anew", **again))
        assert published.added + published.dead == published.repeated == 1
        assert staged(redis_server) == []
