"""What the parts of RedisStream share: the partitions, running scripts, and a group that comes back by itself."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, cast

from redis.exceptions import ResponseError

from src.common.clock import Clock, SystemClock
from src.common.instruments import GROUP_RECREATED
from src.common.logs import get_logger
from src.common.redis_client import RedisClient, RedisConnection, is_no_group, redis_errors
from src.stream.keys import Keys, keys_of, partition_of
from src.stream.options import StreamOptions
from src.stream.scripts import Command, Name, run_script

log = get_logger(__name__)

Fields = Mapping[bytes, bytes]  # of a stream entry


class StreamBase:
    """The partitions of one stream on one Redis. Safe to share between threads unless a method says no."""

    def __init__(self, connection: RedisConnection, options: StreamOptions, clock: Clock | None = None) -> None:
        self._connection = connection
        self._options = options
        self._clock = clock or SystemClock()
        self._partitions = tuple(keys_of(number, options) for number in range(options.partitions))
        self._life = secrets.token_hex(8)  # tells this process from an earlier one under the same consumer name

    @property
    def redis(self) -> RedisClient:
        """The server it lies on, for what else processes share there."""
        return self._connection.commands

    @property
    def _client(self) -> RedisClient:
        return self._connection.commands

    def _keys_for(self, account: str, mailbox: str) -> Keys:
        return self._partitions[partition_of(account, mailbox, self._options.partitions)]

    def _run(
        self,
        keys: Keys,
        name: Name,
        *arguments: Any,
        extra_keys: tuple[str, ...] = (),
        ahead: Sequence[Command] = (),
    ) -> Any:
        """Run a script on a partition, in one step with `ahead`. A missing group is created and all of it run again."""
        all_keys = keys.fixed + extra_keys
        with redis_errors():
            try:
                return run_script(self._client, name, all_keys, *arguments, ahead=ahead)
            except ResponseError as error:
                if not is_no_group(error):
                    raise
                self._recreate_group(keys)
                return run_script(self._client, name, all_keys, *arguments, ahead=ahead)

    def _create_group(self, keys: Keys) -> bool:
        """Create the group at `0`, never at `$`: what is not settled is read again. Return whether it was missing."""
        return bool(run_script(self._client, "group", keys.fixed, self._options.group))

    def _range(self, key: str, start: str, end: str, count: int | None = None) -> list[tuple[bytes, Fields]]:
        """Return entries of a stream, oldest first."""
        with redis_errors():
            return cast("list[tuple[bytes, Fields]]", self._client.xrange(key, start, end, count=count))

    def _recreate_group(self, keys: Keys) -> None:
        if self._create_group(keys):
            GROUP_RECREATED.inc()
            log.warning("consumer_group_recreated", partition=keys.partition)
