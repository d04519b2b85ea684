"""Errors of Redis become ours, seen with an in-memory fake: nothing here hangs on what a server does."""

import fakeredis
import pytest
from redis.exceptions import ResponseError

from src.common.errors import RedisMisconfiguredError, RedisUnavailableError
from src.common.redis_client import is_no_group, redis_errors


def test_a_server_that_went_away_is_temporarily_unavailable() -> None:
    server = fakeredis.FakeServer()
    client = fakeredis.FakeRedis(server=server)
    client.set("key", "value")
    server.connected = False
    with pytest.raises(RedisUnavailableError), redis_errors():
        client.get("key")
    server.connected = True
    with redis_errors():
        assert client.get("key") == b"value"


def test_a_command_on_a_key_of_another_kind_is_told_as_a_misuse_of_our_keys() -> None:
    client = fakeredis.FakeRedis()
    client.set("email_ingestion_stream", "someone else's")
    with pytest.raises(RedisMisconfiguredError, match="ours alone"), redis_errors():
        client.xlen("email_ingestion_stream")


def test_a_missing_group_is_recognised() -> None:
    client = fakeredis.FakeRedis()
    client.xadd("email_ingestion_stream", {"payload": "{}"})
    with pytest.raises(ResponseError) as caught:
        client.xreadgroup("nobody", "me", {"email_ingestion_stream": ">"})
    assert is_no_group(caught.value)
