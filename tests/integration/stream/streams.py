"""Streams on real servers, for the tests of this folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from src.stream.options import StreamOptions
from src.stream.redis_stream import RedisStream
from tests.fixtures.redis_servers import connection_to

LEASE_S = 0.4


@contextmanager
def stream_on(url: str, **changes: Any) -> Iterator[RedisStream]:
    """Open a stream with a short lease; close its connections at the end."""
    connection = connection_to(url)
    options = {"lease_s": LEASE_S, **changes}
    try:
        stream = RedisStream(connection, StreamOptions(**options))
        yield stream
    finally:
        connection.close()
