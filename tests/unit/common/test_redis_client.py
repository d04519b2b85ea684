"""Connecting to Redis: no silent repeats, errors as ours, and a server that would lose mail is refused."""

from collections.abc import Callable

import pytest
import redis
from redis import exceptions

from src.common.errors import IngestError, RedisMisconfiguredError, RedisOutOfMemoryError, RedisUnavailableError
from src.common.redis_check import check_redis, require_usable
from src.common.redis_client import address_of, connect, is_no_group, redis_errors
from tests.fakes.proxy import Proxy
from tests.fixtures.redis_servers import RedisServer, connection_to, settings_for
from tests.fixtures.services import free_port


@pytest.mark.parametrize(
    ("raised", "ours"),
    [
        (exceptions.ConnectionError("refused"), RedisUnavailableError),
        (exceptions.TimeoutError("slow"), RedisUnavailableError),
        (exceptions.BusyLoadingError("loading"), RedisUnavailableError),
        (exceptions.ClusterDownError("CLUSTERDOWN"), RedisUnavailableError),
        (exceptions.ReadOnlyError("READONLY You can't write against a replica"), RedisUnavailableError),
        (exceptions.ResponseError("MISCONF Errors writing to the AOF file"), RedisUnavailableError),
        (exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), RedisOutOfMemoryError),
        # how 6.2 words it from within a script
        (exceptions.ResponseError("Error running script: -OOM command not allowed"), RedisOutOfMemoryError),
        (exceptions.AuthenticationError("WRONGPASS"), RedisMisconfiguredError),
        (exceptions.NoPermissionError("NOPERM this user has no permissions"), RedisMisconfiguredError),
        (exceptions.ResponseError("WRONGTYPE Operation against a key"), RedisMisconfiguredError),
        (ConnectionResetError("reset"), RedisUnavailableError),
    ],
)
def test_errors_become_ours(raised: Exception, ours: type[IngestError]) -> None:
    with pytest.raises(ours) as caught, redis_errors():
        raise raised
    assert caught.value.__cause__ is raised


def test_a_missing_group_is_told_however_it_is_worded() -> None:
    assert is_no_group(exceptions.ResponseError("NOGROUP No such key"))
    assert is_no_group(exceptions.ResponseError("Error running script: @user_script:12: NOGROUP No such key"))
    assert not is_no_group(exceptions.ResponseError("WRONGTYPE"))


def test_nobody_listening_is_a_temporary_error() -> None:
    connection = connection_to(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(RedisUnavailableError):
        check_redis(connection.commands)
    connection.close()


def test_a_lost_answer_is_an_error_never_a_silent_repeat(redis_server: RedisServer) -> None:
    with Proxy(redis_server.port) as proxy:
        connection = connection_to(f"redis://127.0.0.1:{proxy.port}/0")
        proxy.lose_answer_to(b"INCR")
        with pytest.raises(RedisUnavailableError), redis_errors():
            connection.commands.incr("count")
        assert connection.commands.get("count") == b"1"
        connection.close()


def test_a_wrong_password_is_said_plainly(redis7: RedisServer) -> None:
    with redis7.client() as client:
        client.config_set("requirepass", "right")
        try:
            connection = connection_to(f"redis://:wrong@127.0.0.1:{redis7.port}/0")
            with pytest.raises(RedisMisconfiguredError, match="password"):
                check_redis(connection.commands)
            connection.close()
            connection = connect(settings_for(redis7.url, redis_password="right"))
            check_redis(connection.commands)
            connection.close()
        finally:
            client.config_set("requirepass", "")


def test_parts_of_the_address_are_put_together(redis7: RedisServer) -> None:
    connection = connect(settings_for("", redis_host="127.0.0.1", redis_port=redis7.port, redis_db=3))
    connection.commands.set("where", "db 3")
    with redis.Redis(port=redis7.port, db=3, protocol=2) as client:
        assert client.get("where") == b"db 3"
    connection.close()


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_an_eviction_policy_that_throws_mail_away_is_refused(redis_server: RedisServer, policy: str) -> None:
    connection = connection_to(redis_server.url)
    connection.commands.config_set("maxmemory-policy", policy)
    assert not any(finding.is_fatal for finding in check_redis(connection.commands)), "without a limit none is evicted"
    connection.commands.config_set("maxmemory", 100 * 1024 * 1024)
    with pytest.raises(RedisMisconfiguredError, match=policy):
        require_usable(connection.commands)
    connection.commands.config_set("maxmemory-policy", "noeviction")
    require_usable(connection.commands)
    connection.close()


def test_weak_persistence_is_a_warning_with_its_remedy(own_redis: Callable[..., RedisServer]) -> None:
    server = own_redis("redis7")
    connection = connection_to(server.url)
    assert check_redis(connection.commands) == []
    connection.commands.config_set("appendfsync", "everysec")
    (finding,) = check_redis(connection.commands)
    assert (finding.is_fatal, "appendfsync always" in finding.remedy) == (False, True)
    connection.commands.config_set("appendonly", "no")
    (finding,) = require_usable(connection.commands)
    assert "appendonly is off" in finding.text
    connection.close()


@pytest.mark.parametrize(
    ("host", "said"), [("127.0.0.1", "the connection is refused"), ("nowhere.invalid", "name of the host")]
)
def test_a_redis_that_is_away_is_told_by_address_and_reason_alone(host: str, said: str) -> None:
    url = f"redis://ann:secret@{host}:{free_port()}/0"
    connection = connect(settings_for(url))
    with pytest.raises(RedisUnavailableError, match=said) as raised, redis_errors():
        connection.commands.ping()
    address = url.split("@")[1].removesuffix("/0")
    assert address in str(raised.value)
    assert address == address_of(settings_for(url))
    assert "secret" not in str(raised.value)
    connection.close()
