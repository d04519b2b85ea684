"""Audit: after the storm, compare every mail in the database and the dead letters with the source, and count.

Each line of the findings is a broken promise; no finding means that nothing is missing and nothing is twice.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from config.settings import Settings
from src.common.redis_client import connect
from src.store.opening import open_store
from src.stream.options import options_from
from src.stream.redis_stream import RedisStream

SHOWN = 5  # findings of one sort that are shown in full


def audit(settings: Settings, account: str, hashes: Sequence[str]) -> list[str]:
    """Return what is wrong; empty when every mail is in the database once, or among the dead letters."""
    connection = connect(settings)
    try:
        stream = RedisStream(connection, options_from(settings))
        dead = [hashlib.sha256(stream.raw_of_dead(letter.entry_id) or b"").hexdigest() for letter in _letters(stream)]
        stored = _stored(settings, account)
        return [
            *_compared(Counter(hashes), Counter(stored) + Counter(dead)),
            *_conserved(stream, len(stored), len(dead)),
            *_left_over(connection.commands, settings.redis_stream_name, len(dead)),
        ]
    finally:
        connection.close()


def _letters(stream: RedisStream) -> Iterator[Any]:
    after = ""
    while page := stream.list_dead(limit=100, after=after):
        yield from page
        after = page[-1].entry_id


def _stored(settings: Settings, account: str) -> list[str]:
    store = open_store(settings.database_url)
    try:
        return [mail.sha256 for mail in store.known_mails(account)]
    finally:
        store.close()


def _compared(expected: Counter[str], found: Counter[str]) -> list[str]:
    findings = []
    if missing := expected - found:
        findings.append(f"{missing.total()} mails are missing, such as {', '.join(islice(missing, SHOWN))}")
    if extra := found - expected:
        findings.append(f"{extra.total()} mails are there too often, such as {', '.join(islice(extra, SHOWN))}")
    return findings


def _conserved(stream: RedisStream, stored: int, dead: int) -> list[str]:
    stats = stream.stats()
    counters = stats.counters
    findings = []
    on_the_way = {"waiting": stats.waiting, "pending": stats.pending, "retries": stats.retries}
    if any(on_the_way.values()):
        findings.append(f"the stream is not empty: {on_the_way}")
    if counters.get("published", 0) != counters.get("settled", 0) + counters.get("dead", 0):
        findings.append(f"the counters do not add up: {dict(counters)}")
    if (counters.get("settled", 0), stats.dead) != (stored, dead):
        findings.append(f"{counters.get('settled', 0)} settled and {stats.dead} dead, but {stored} and {dead} found")
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
