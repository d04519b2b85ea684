"""When Gmail was last asked to watch an account, kept in Redis: the API has no call that tells.

So a restart, or a producer that takes over, asks no sooner than is due (each time costs 100 units), and `doctor` can
say how long the watch lives. Nothing is lost with a record: without one, Gmail is asked again.

`STREAM:gmail_watch:TAG`  JSON of topic, begun_at and expires_at (ISO 8601, UTC); TAG is the account's
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import orjson

from src.common.logs import account_tag
from src.common.redis_client import RedisClient, redis_errors

KEPT_S = 30 * 24 * 3600  # long after the watch itself has lapsed, so that it can be seen that it did


@dataclass(frozen=True, slots=True)
class WatchRecord:
    """One watch, as Gmail agreed to it."""

    topic: str
    begun_at: datetime  # aware UTC, by our clock
    expires_at: datetime  # aware UTC, by Google's


class WatchRecords:
    """The records of all accounts on one Redis. Thread-safe."""

    def __init__(self, client: RedisClient, *, prefix: str) -> None:
        """`prefix` begins the keys (the stream's name)."""
        self._client = client
        self._prefix = prefix

    def load(self, account: str) -> WatchRecord | None:
        """Return what is known of an account's watch; None if nothing, or nothing that can be read."""
        with redis_errors():
            found = cast("bytes | None", self._client.get(self._key(account)))
        return _record(found) if found else None

    def store(self, account: str, record: WatchRecord) -> None:
        """Remember a watch in place of the one before."""
        told = {"topic": record.topic, "begun_at": record.begun_at, "expires_at": record.expires_at}
        with redis_errors():
            self._client.set(self._key(account), orjson.dumps(told), ex=KEPT_S)

    def _key(self, account: str) -> str:
        return f"{self._prefix}:gmail_watch:{account_tag(account)}"


def _record(found: bytes) -> WatchRecord | None:
    try:
        told: Any = orjson.loads(found)
        record = WatchRecord(
            str(told["topic"]), datetime.fromisoformat(told["begun_at"]), datetime.fromisoformat(told["expires_at"])
        )
    except (ValueError, KeyError, TypeError):
        return None  # written by hand
    return record if record.begun_at.tzinfo and record.expires_at.tzinfo else None
