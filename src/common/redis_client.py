"""Connecting to Redis, and its errors as ours.

The rules (measured in the stream's design, see docs/stream-protocol.md):
- redis-py repeats commands by itself, which turns a lost answer into a second write: no retries here, ever.
- A blocking read has a connection of its own, with a time-out above what it blocks for.
- Everything has a time-out, so that a half-open connection is found.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis
from redis import exceptions
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry

from config.settings import Settings
from src.common.embedded_redis import EMBEDDED, start_embedded
from src.common.errors import IngestError, RedisMisconfiguredError, RedisOutOfMemoryError, RedisUnavailableError

CONNECT_TIMEOUT_S = 5.0  # a server on the same continent answers within one
COMMAND_TIMEOUT_S = 10.0  # a disk that syncs slowly holds up every command; beyond this the connection is dead
BLOCKING_TIMEOUT_S = 10.0  # above the longest BLOCK of 2 s (BLOCK_TIMEOUT_MS)
HEALTH_CHECK_S = 15  # a connection idle for longer is tried with PING first
_CLUSTER = "+cluster://"

RedisClient = redis.Redis | RedisCluster


@dataclass(frozen=True, slots=True)
class RedisConnection:
    """Two clients of one Redis. Both are safe to share between threads; connections are made when first used."""

    commands: RedisClient
    blocking: RedisClient  # for reads that wait; never share its connection with anything else
    is_cluster: bool = False

    def close(self) -> None:
        """Close all connections. May be called twice."""
        self.commands.close()
        self.blocking.close()


def connect(settings: Settings, *, name: str = "email-ingestion") -> RedisConnection:
    """Return clients for the Redis of the settings; an embedded one is started, or found running.

    `name` is shown by CLIENT LIST. Raises RedisUnavailableError or RedisMisconfiguredError.
    """
    with redis_errors():
        return RedisConnection(
            commands=_client(settings, name=name, timeout_s=COMMAND_TIMEOUT_S),
            blocking=_client(settings, name=f"{name}-blocking", timeout_s=BLOCKING_TIMEOUT_S),
            is_cluster=_CLUSTER in settings.redis_url,
        )


def _client(settings: Settings, *, name: str, timeout_s: float) -> RedisClient:
    options: dict[str, Any] = {
        "client_name": name,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "socket_keepalive": True,
        "health_check_interval": HEALTH_CHECK_S,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "encoding_errors": "surrogatepass",  # a file name that is no UTF-8 may be part of a key
    }
    if settings.redis_username:
        options["username"] = settings.redis_username
    if settings.redis_password.get_secret_value():
        options["password"] = settings.redis_password.get_secret_value()
    url = settings.redis_url or _url_from_parts(settings)
    if url.startswith(EMBEDDED):
        url = f"unix://{start_embedded(url.removeprefix(EMBEDDED)).socket}"
        options.pop("socket_keepalive")
    elif url.startswith("unix:"):
        options.pop("socket_keepalive")
    if url.startswith("rediss") and settings.redis_ssl_ca_certs:
        options["ssl_ca_certs"] = settings.redis_ssl_ca_certs
    if _CLUSTER in url:
        return RedisCluster.from_url(url.replace(_CLUSTER, "://"), **options)
    return redis.Redis.from_url(url, **options)


def _url_from_parts(settings: Settings) -> str:
    scheme = "rediss" if settings.redis_ssl else "redis"
    return f"{scheme}://{settings.redis_host}:{settings.redis_port}/{settings.redis_db}"


@contextmanager
def redis_errors() -> Iterator[None]:
    """Turn redis-py's exceptions into ours; the one place that knows them."""
    try:
        yield
    except exceptions.RedisError as error:
        raise _translated(error) from error
    except OSError as error:
        raise RedisUnavailableError(f"Redis cannot be reached ({type(error).__name__}): is it running?") from error


# What Redis answers when it cannot serve just now, but may soon: loading, failing over, or with a full disk.
_PASSING = ("LOADING", "BUSY", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "READONLY", "MISCONF", "NOREPLICAS", "MOVED")
_REFUSED = ("NOAUTH", "WRONGPASS", "NOPERM", "DENIED")


def is_no_group(error: Exception) -> bool:
    """Tell whether Redis says that the consumer group, or the stream, is gone. Scripts wrap the word in their text."""
    return isinstance(error, exceptions.ResponseError) and "NOGROUP" in str(error)


_AFTER_COMMAND = " of pipeline caused error: "


def said_by_redis(error: exceptions.RedisError) -> str:
    """Return an error's text. In a pipeline redis-py puts the command before it, whose arguments may be mail."""
    return str(error).rpartition(_AFTER_COMMAND)[2]


def _translated(error: exceptions.RedisError) -> IngestError:
    text = said_by_redis(error)
    if isinstance(error, exceptions.OutOfMemoryError) or "OOM command not allowed" in text:
        return RedisOutOfMemoryError("Redis is at its maxmemory: let workers drain it, or raise the limit")
    is_refusal = isinstance(error, exceptions.AuthenticationError | exceptions.AuthorizationError)
    if is_refusal or any(word in text for word in _REFUSED):
        return RedisMisconfiguredError("Redis refuses the user, the password or a command: check REDIS_* and its ACL")
    if isinstance(error, exceptions.ConnectionError | exceptions.TimeoutError | exceptions.ClusterError):
        return RedisUnavailableError(_no_answer(error))
    if isinstance(error, exceptions.RedisClusterException):
        return RedisUnavailableError("the Redis Cluster does not answer, or not all slots are covered")
    if any(word in text for word in _PASSING):
        return RedisUnavailableError(f"Redis cannot serve just now: {text.split(' ', 1)[0]}")
    return RedisMisconfiguredError(
        f"Redis refused a command ({text[:200]}): is the server 6.2 or newer, and ours alone?"
    )


# What a failed connection says, in the order looked for; the rest is told by its type alone.
_REASONS = (
    ("CERTIFICATE", "its certificate is not trusted: see REDIS_SSL_CA_CERTS"),
    ("refused", "the connection is refused: is it running?"),
    ("imeout", "it timed out: is the address right, or a firewall between?"),
    ("imed out", "it timed out: is the address right, or a firewall between?"),
    ("not known", "the name of the host is unknown"),
    ("name resolution", "the name of the host could not be looked up"),
    ("No such file", "there is no such socket: is it running?"),
)


def _no_answer(error: exceptions.RedisError) -> str:
    """Say why there is no answer, and from where if redis-py tells; it tells no user and no password."""
    text = said_by_redis(error)
    where = re.search(r"connecting to (\S+|unix socket: \S+)\. ", text)
    found = (said for word, said in _REASONS if word in text)
    reason = next(found, f"{type(error).__name__}: is it running and reachable?")
    return f"Redis{f' at {where[1]}' if where else ''} does not answer: {reason}"


def address_of(settings: Settings) -> str:
    """Return where Redis is looked for, for people: without user and password."""
    url = settings.redis_url or _url_from_parts(settings)
    return url if url.startswith(EMBEDDED) else url.rsplit("@", 1)[-1].split("://")[-1].split("/")[0].split("?")[0]


def redis_version(client: RedisClient) -> str:
    """Return the server's version, such as "7.0.15"; of a cluster, that of one of its nodes."""
    with redis_errors():
        return str(info_of(client, "server").get("redis_version", ""))


def info_of(client: RedisClient, section: str) -> dict[str, Any]:
    """Return a section of INFO; of a cluster, that of one of its nodes. redis-py's own errors pass."""
    if isinstance(client, RedisCluster):
        return client.info(section, target_nodes=RedisCluster.RANDOM)
    return client.info(section)
