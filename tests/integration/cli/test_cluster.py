"""The whole way on a Redis Cluster with partitions: the same commands, another address."""

import pytest

from tests.fixtures.redis_servers import RedisClusterServers
from tests.integration.cli.shell import ROOT, Shell

pytestmark = pytest.mark.cluster

SAMPLE = str(ROOT / "samples" / "mailbox.mbox")


@pytest.mark.parametrize("partitions", [1, 3])
def test_files_flow_through_a_cluster(shell: Shell, redis_cluster: RedisClusterServers, partitions: int) -> None:
    shell = shell.having(REDIS_URL=redis_cluster.url, STREAM_PARTITIONS=str(partitions))
    for account in ("ada", "ben", "clara"):
        shell.cli("import", "mbox", SAMPLE, "--account", account)
    shell.drain()
    for account in ("ada", "ben", "clara"):
        said = shell.cli("verify", "--account", account, "--mbox", SAMPLE)
        assert "the database has them all" in said.stdout + said.stderr
