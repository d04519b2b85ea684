"""Is this Redis fit to hold mail? Looked at when a command starts, and by `doctor`."""

from dataclasses import dataclass

from redis.exceptions import RedisError

from src.common.errors import RedisMisconfiguredError
from src.common.redis_client import RedisClient, info_of, redis_errors

LEAST_VERSION = (6, 2)  # the scripts stand on XPENDING's and XRANGE's exclusive ranges


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the Redis server that endangers mail."""

    is_fatal: bool  # mail would be lost: refuse to start
    text: str  # what was expected and what was found
    remedy: str  # what to do


def check_redis(client: RedisClient) -> list[Finding]:
    """Look at the server's version, eviction policy and persistence; the fatal findings first.

    Raises RedisUnavailableError when it does not answer.
    """
    with redis_errors():
        version = str(info_of(client, "server").get("redis_version", "0"))
        memory = info_of(client, "memory")
        persistence = info_of(client, "persistence")
    found = [
        _version(version),
        _eviction(str(memory.get("maxmemory_policy", "noeviction")), int(memory.get("maxmemory", 0))),
        _persistence(client, is_aof=bool(int(persistence.get("aof_enabled", 0)))),
    ]
    return sorted((finding for finding in found if finding), key=lambda finding: not finding.is_fatal)


def require_usable(client: RedisClient) -> list[Finding]:
    """Return the findings that are only warnings; raise RedisMisconfiguredError when one is fatal."""
    findings = check_redis(client)
    fatal = [f"{finding.text}. {finding.remedy}" for finding in findings if finding.is_fatal]
    if fatal:
        raise RedisMisconfiguredError(" ".join(fatal))
    return findings


def _version(version: str) -> Finding | None:
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers >= LEAST_VERSION:
        return None
    return Finding(
        True, f"Redis 6.2 or newer is needed, found {version}", "Upgrade, or set REDIS_URL=embedded:data/redis."
    )


def _eviction(policy: str, maxmemory: int) -> Finding | None:
    if policy == "noeviction":
        return None
    text = f"maxmemory-policy is {policy}, expected noeviction: Redis would throw mail away when memory is full"
    return Finding(maxmemory > 0, text, "Run CONFIG SET maxmemory-policy noeviction, and set it in redis.conf.")


def _persistence(client: RedisClient, *, is_aof: bool) -> Finding | None:
    remedy = "Set appendonly yes and appendfsync always in redis.conf; batches absorb the cost."
    if not is_aof:
        return Finding(False, "appendonly is off: what is on the stream is gone after a crash of Redis", remedy)
    fsync = _configured(client, "appendfsync")
    if fsync in ("always", ""):
        return None
    return Finding(False, f"appendfsync is {fsync}: a crash of Redis may lose the last second of mail", remedy)


def _configured(client: RedisClient, name: str) -> str:
    """Return a value of CONFIG; empty where the server does not tell (managed Redis forbids CONFIG)."""
    try:
        return str(client.config_get(name).get(name, ""))
    except RedisError:
        return ""
