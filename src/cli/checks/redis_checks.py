"""Redis: does it answer, is it new enough, would it lose mail as it is set up, has it room, is its clock ours?"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from config.settings import Settings
from src.cli.checks.check import Check, green, red, yellow
from src.cli.output import size, span
from src.common.clock import Clock
from src.common.embedded_redis import EMBEDDED, find_embedded, server_program
from src.common.errors import IngestError
from src.common.logs import redact
from src.common.redis_check import check_redis
from src.common.redis_client import RedisConnection, address_of, connect, info_of, redis_errors, redis_version

AREA = "redis"
MEMORY_NEARLY_FULL = 0.9  # share of maxmemory from which on it is told
SKEW_WARNING_S = 2.0  # ages and freshness look wrong beyond this
SKEW_LIMIT_S = 300.0  # beyond this logs and tables mislead


def redis_checks(settings: Settings, clock: Clock) -> Iterator[Check]:
    """Look at Redis, all nodes of a cluster taken as one by the first that answers. An embedded one is not started."""
    try:
        if settings.redis_url.startswith(EMBEDDED) and find_embedded(settings.redis_url.removeprefix(EMBEDDED)) is None:
            server_program()
            yield green(AREA, "reachable", "embedded, not running: the first program that needs it starts it")
            return
        connection = connect(settings, name="email-ingestion-doctor")
        try:
            yield from _checks(connection, clock)
        finally:
            connection.close()
    except IngestError as error:
        where = "" if settings.redis_url else "; no Redis server here? REDIS_URL=embedded:data/redis brings one"
        text, address = redact(str(error)), address_of(settings)
        found = text if address in text else f"{text} (tried {address})"
        yield red(AREA, "reachable", found, f"see docs/runbooks/{error.code}.md{where}")


def _checks(connection: RedisConnection, clock: Clock) -> Iterator[Check]:
    findings = check_redis(connection.commands)
    with redis_errors():
        info = info_of(connection.commands, "memory")
        skew_s = _skew_s(connection, clock)
    yield green(AREA, "reachable", "cluster" if connection.is_cluster else "one server")
    yield green(AREA, "version", redis_version(connection.commands))
    for finding in findings:
        yield (red if finding.is_fatal else yellow)(AREA, "safe for mail", finding.text, finding.remedy)
    if not findings:
        yield green(AREA, "safe for mail", "noeviction, appendonly, appendfsync always")
    yield _memory(info)
    yield _clock(skew_s)


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


def _clock(skew_s: float) -> Check:
    if abs(skew_s) <= SKEW_WARNING_S:
        by = span(abs(skew_s)) if abs(skew_s) >= 1 else "less than 1 s"
        return green(AREA, "clock", f"differs from this machine's by {by}")
    found = f"{span(abs(skew_s))} {'ahead of' if skew_s > 0 else 'behind'} this machine's"
    mend = "synchronise both machines by NTP; nothing is lost by it, but ages and times shown are wrong"
    if skew_s < 0:
        mend += ". If Redis's clock was set back, leases and retries wait until it has caught up: a delay, no loss"
    return (yellow if abs(skew_s) <= SKEW_LIMIT_S else red)(AREA, "clock", found, mend)


def _skew_s(connection: RedisConnection, clock: Clock) -> float:
    """Return by how many seconds Redis' clock is ahead of ours, the way there and back taken out."""
    before = clock.now()
    told = _one_node(connection.commands.time())
    after = clock.now()
    middle: datetime = before + (after - before) / 2
    return float(told[0]) + float(told[1]) / 1e6 - middle.timestamp()


def _one_node(answer: Any) -> Any:
    """Return one node's answer: a cluster client gives some as a dictionary of nodes."""
    if isinstance(answer, dict) and answer and all(isinstance(value, dict | tuple | list) for value in answer.values()):
        return next(iter(answer.values()))
    return answer
