"""RedisStream keeps the stream's contract: on Redis 6.2 and 7, with one partition and three, and on a cluster."""

import time
from collections.abc import Iterator

import pytest

from src.stream.options import StreamOptions, options_from
from src.stream.redis_stream import RedisStream
from tests.contracts.stream_contract import (
    MAX_BYTES,
    MAX_CRASHES,
    MAX_ENTRIES,
    SPOOL_BYTES,
    StreamContract,
    assert_conserved,
)
from tests.contracts.stream_mails import outgoing, publish
from tests.fixtures.redis_servers import RedisClusterServers, RedisServer, connection_to, settings_for


class RedisContract(StreamContract):
    """The contract, on a server that a subclass gives as `url`. Time passes for real."""

    lease_s = 0.4
    partitions = 1

    @pytest.fixture
    def stream(self, url: str) -> Iterator[RedisStream]:
        connection = connection_to(url)
        options = StreamOptions(
            max_entries=MAX_ENTRIES * self.partitions,  # each partition gets its share, and one mailbox uses one
            max_bytes=MAX_BYTES * self.partitions,
            spool_bytes=SPOOL_BYTES,
            lease_s=self.lease_s,
            max_crashes=MAX_CRASHES,
            partitions=self.partitions,
            is_tagged=self.partitions > 1 or connection.is_cluster,
        )
        yield RedisStream(connection, options)
        connection.close()

    def pass_time(self, seconds: float) -> None:
        time.sleep(seconds)


@pytest.mark.redis
class TestOneServer(RedisContract):
    @pytest.fixture
    def url(self, redis_server: RedisServer) -> str:
        return redis_server.url


@pytest.mark.redis
class TestOneServerThreePartitions(RedisContract):
    partitions = 3

    @pytest.fixture
    def url(self, redis7: RedisServer) -> str:
        return redis7.url


@pytest.mark.redis
@pytest.mark.cluster
class TestClusterThreePartitions(RedisContract):
    partitions = 3

    @pytest.fixture
    def url(self, redis_cluster: RedisClusterServers) -> str:
        return redis_cluster.url


@pytest.mark.redis
@pytest.mark.cluster
def test_one_partition_on_a_cluster_lies_under_one_tag(redis_cluster: RedisClusterServers) -> None:
    connection = connection_to(redis_cluster.url)
    stream = RedisStream(connection, options_from(settings_for(redis_cluster.url)))
    stream.ensure_group()
    assert publish(stream, outgoing(1), outgoing(2)).added == 2
    tickets = stream.read_new("worker-a", 10, 50)
    assert stream.settle("worker-a", tickets, [b"note"] * 2) == 2
    assert_conserved(stream.stats())
    connection.close()
