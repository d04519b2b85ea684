"""Audit: after the storm nothing is left in Redis but dead letters, and what was counted adds up.

Each line of the findings is a broken promise. The mails themselves are compared by the feed, which knows the source.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from config.settings import Settings
from src.common.redis_client import connect
from src.stream.options import options_from
from src.stream.protocol import DeadLetter
from src.stream.redis_stream import RedisStream

PAGE = 100  # dead letters asked for in one go


def audit(settings: Settings) -> list[str]:
    """Return what is wrong; empty when all that was published is settled or dead, and no key is left over."""
    with open_stream(settings) as stream:
        findings = _conserved(stream)
        return findings + _left_over(stream.redis, settings.redis_stream_name, stream.stats().dead)


@contextmanager
def open_stream(settings: Settings) -> Iterator[RedisStream]:
    """Lend the stream."""
    connection = connect(settings)
    try:
        yield RedisStream(connection, options_from(settings))
    finally:
        connection.close()


def dead_letters(stream: RedisStream) -> Iterator[DeadLetter]:
    """Walk all dead letters."""
    after = ""
    while page := stream.list_dead(limit=PAGE, after=after):
        yield from page
        after = page[-1].entry_id


def _conserved(stream: RedisStream) -> list[str]:
    stats = stream.stats()
    counters = stats.counters
    findings = []
    on_the_way = {"waiting": stats.waiting, "pending": stats.pending, "retries": stats.retries}
    if any(on_the_way.values()):
        findings.append(f"the stream is not empty: {on_the_way}")
    if counters.get("published", 0) != counters.get("settled", 0) + counters.get("dead", 0):
        findings.append(f"the counters do not add up: {dict(counters)}")
    letters = sum(1 for _ in dead_letters(stream))
    if stats.dead != letters:
        findings.append(f"{stats.dead} dead letters are counted, and {letters} found")
    if stats.raw_bytes:
        findings.append(f"{stats.raw_bytes} bytes of raw mail are counted as on their way")
    return findings


def _left_over(client: Any, stream_name: str, dead: int) -> list[str]:
    keys = [key.decode() for key in client.scan_iter(count=1000)]
    raws = [key for key in keys if key.startswith(f"{stream_name}:raw:")]
    findings = []
    if len(raws) != dead:
        findings.append(f"{len(raws)} raw mails are left in Redis for {dead} dead letters")
    for name in ("retry", "retry:tickets", "crashes"):
        if client.exists(f"{stream_name}:{name}"):
            findings.append(f"the key {stream_name}:{name} is left in Redis")
    if (held := client.hlen(f"{stream_name}:ledger")) != dead:
        findings.append(f"the ledger holds {held} mails for {dead} dead letters")
    return findings
