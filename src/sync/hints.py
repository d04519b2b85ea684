"""Hints: word that something may be new in an account, on its way between processes, through a small Redis stream.

Pub/Sub gives each push to one of those who pull the subscription, and that need not be the process that reads the
account: a second producer may stand by, another may read other accounts. So whoever gets a push tells it here, and
every producer listens. Hints are no more than that: they are trimmed, they expire, and the poll comes all the same.

`STREAM:gmail_hints`  STREAM of entries with one field, `account`: the tag of the account's address in lower case
"""

from collections.abc import Iterable
from typing import Any

from src.common.redis_client import RedisClient, RedisConnection, redis_errors

MOST_KEPT = 1000  # a listener that was away longer misses older ones, and polls
KEPT_S = 3600  # after the last one; then nobody waits for them any more
MOST_READ = 1000  # at once
NOTHING = "0-0"  # before the first entry of a stream


class Hints:
    """The hints of all accounts on one Redis. Thread-safe."""

    def __init__(self, redis: RedisConnection, *, prefix: str) -> None:
        """`prefix` begins the key (the stream's name)."""
        self._commands: RedisClient = redis.commands
        self._blocking: RedisClient = redis.blocking
        self._key = f"{prefix}:gmail_hints"

    def tell(self, tags: Iterable[str]) -> None:
        """Store a hint for each of these accounts. Raises RedisUnavailableError and others of Redis."""
        told = list(tags)
        if not told:
            return
        with redis_errors():
            pipeline = self._commands.pipeline(transaction=False)
            for tag in told:
                pipeline.xadd(self._key, {"account": tag}, maxlen=MOST_KEPT, approximate=True)
            pipeline.expire(self._key, KEPT_S)
            pipeline.execute()

    def newest(self) -> str:
        """Return the position behind the newest hint."""
        with redis_errors():
            found: Any = self._commands.xrevrange(self._key, count=1)
        return str(found[0][0], "ascii") if found else NOTHING

    def after(self, position: str, *, wait_s: float) -> tuple[str, frozenset[str]]:
        """Return the tags told after `position`, and the new position; wait for the first, at most `wait_s`."""
        with redis_errors():
            wait_ms = max(1, round(wait_s * 1000))  # 0 would be for ever
            told: Any = self._blocking.xread({self._key: position}, count=MOST_READ, block=wait_ms)
        if not told:
            return position, frozenset()
        entries: list[tuple[bytes, dict[bytes, bytes]]] = told[0][1]
        tags = frozenset(fields.get(b"account", b"").decode("ascii", "replace") for _, fields in entries)
        return entries[-1][0].decode("ascii"), tags
