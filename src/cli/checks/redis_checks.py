"""Redis: does it answer, is it new enough, would it lose mail as it is set up, has it room, is its clock ours?"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from config.settings import Settings
from src.cli.checks.check import Check, green, judged, red, yellow
from src.cli.output import size, span
from src.common.clock import Clock
from src.common.errors import IngestError
from src.common.logs import redact
from src.common.redis_client import RedisConnection, connect, redis_errors

AREA = "redis"
OLDEST_VERSION = (6, 2)  # has XAUTOCLAIM and LMOVE; what the embedded server is
MEMORY_NEARLY_FULL = 0.9  # share of maxmemory from which on it is told
SKEW_WARNING_S = 2.0  # ages and freshness look wrong beyond this
SKEW_LIMIT_S = 300.0  # beyond this logs and tables mislead
_FSYNC_MEND = "`redis-cli CONFIG SET appendfsync always`, then CONFIG REWRITE; batches make up for its cost"


def redis_checks(settings: Settings, clock: Clock) -> Iterator[Check]:
    """Look at Redis, all nodes of a cluster taken as one by the first that answers."""
    try:
        connection = connect(settings, name="email-ingestion-doctor")
        try:
            yield from _checks(connection, clock)
        finally:
            connection.close()
    except IngestError as error:
        yield red(AREA, "reachable", redact(str(error)), f"see docs/runbooks/{error.code}.md")


def _checks(connection: RedisConnection, clock: Clock) -> Iterator[Check]:
    with redis_errors():
        info = _one_node(connection.commands.info())
        skew_s = _skew_s(connection, clock)
    yield green(AREA, "reachable", "cluster" if connection.is_cluster else "one server")
    version = str(info.get("redis_version", "0"))
    yield judged(
        AREA,
        "version",
        is_ok=_version(version) >= OLDEST_VERSION,
        found=version,
        mend="Redis 6.2 or newer is needed; Debian 12 brings 7.0",
    )
    yield _eviction(info)
    yield _memory(info)
    yield _durability(info, _fsync(connection))
    yield _clock(skew_s)


def _eviction(info: Mapping[str, Any]) -> Check:
    policy = str(info.get("maxmemory_policy", "unknown"))
    return judged(
        AREA,
        "eviction",
        is_ok=policy == "noeviction",
        found=policy,
        mend="any other policy deletes mail when memory is short: `redis-cli CONFIG SET maxmemory-policy noeviction`",
    )


def _memory(info: Mapping[str, Any]) -> Check:
    used, limit = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if not limit:
        total = int(info.get("total_system_memory", 0))
        found = f"{size(used)} used, no maxmemory, {size(total)} in the machine"
        return green(AREA, "memory", found)
    found = f"{size(used)} used of {size(limit)}"
    if used < limit * MEMORY_NEARLY_FULL:
        return green(AREA, "memory", found)
    return yellow(AREA, "memory", found, "let workers drain the stream, or raise maxmemory; producers wait meanwhile")


def _durability(info: Mapping[str, Any], fsync: str) -> Check:
    if int(info.get("aof_enabled", 0)) == 0:
        return red(
            AREA,
            "durability",
            "appendonly no: a crash of Redis forgets what is on its way (it is read again from the source, later)",
            "`redis-cli CONFIG SET appendonly yes`, " + _FSYNC_MEND,
        )
    if fsync == "always":
        return green(AREA, "durability", "appendonly yes, appendfsync always")
    found = f"appendonly yes, appendfsync {fsync or 'unknown (CONFIG is not allowed)'}"
    return yellow(AREA, "durability", found, f"up to a second may be forgotten in a crash: {_FSYNC_MEND}")


def _clock(skew_s: float) -> Check:
    found = f"differs from this machine's by {span(abs(skew_s)) if abs(skew_s) >= 1 else 'less than 1 s'}"
    if abs(skew_s) <= SKEW_WARNING_S:
        return green(AREA, "clock", found)
    mend = "synchronise both machines by NTP; nothing is lost by it, but ages and times shown are wrong"
    return (yellow if abs(skew_s) <= SKEW_LIMIT_S else red)(AREA, "clock", found, mend)


def _skew_s(connection: RedisConnection, clock: Clock) -> float:
    """Return by how many seconds Redis' clock is ahead of ours, the way there and back taken out."""
    before = clock.now()
    told = _one_node(connection.commands.time())
    after = clock.now()
    middle: datetime = before + (after - before) / 2
    return float(told[0]) + float(told[1]) / 1e6 - middle.timestamp()


def _fsync(connection: RedisConnection) -> str:
    try:
        with redis_errors():
            return str(_one_node(connection.commands.config_get("appendfsync")).get("appendfsync", ""))
    except IngestError:  # managed servers forbid CONFIG
        return ""


def _one_node(answer: Any) -> Any:
    """Return one node's answer: a cluster client gives some as a dictionary of nodes."""
    if isinstance(answer, dict) and answer and all(isinstance(value, dict | tuple | list) for value in answer.values()):
        return next(iter(answer.values()))
    return answer


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())
