"""`doctor` on real servers: what would lose mail is red, what an operator should know is yellow."""

from datetime import timedelta

import pytest

from src.cli.checks.check import Check, State
from src.cli.checks.machine_checks import _port
from src.cli.checks.redis_checks import redis_checks
from src.common.beats import Beats
from src.common.clock import SystemClock
from src.monitoring.health import HealthServer
from tests.fakes.clock import FakeClock
from tests.fixtures.redis_servers import RedisClusterServers, RedisServer, settings_for
from tests.fixtures.services import free_port


def looks(url: str, clock: SystemClock | FakeClock | None = None) -> list[Check]:
    return list(redis_checks(settings_for(url), clock or SystemClock()))


def look(server: RedisServer, clock: SystemClock | FakeClock | None = None) -> dict[str, Check]:
    return {check.name: check for check in looks(server.url, clock)}


@pytest.mark.redis
def test_a_redis_that_throws_mail_away_is_red(redis7: RedisServer) -> None:
    with redis7.client() as client:
        client.config_set("maxmemory", "100mb")
        client.config_set("maxmemory-policy", "allkeys-lru")
    first, *_ = (check for check in looks(redis7.url) if check.name == "safe for mail")
    assert (first.state, "noeviction" in first.found, "CONFIG SET" in first.mend) == (State.RED, True, True)


@pytest.mark.redis
def test_a_redis_that_keeps_nothing_on_disk_is_noted(redis7: RedisServer) -> None:
    check = look(redis7)["safe for mail"]
    assert (check.state, "appendonly" in check.found) == (State.YELLOW, True)


@pytest.mark.redis
def test_memory_nearly_full_is_noted(redis7: RedisServer) -> None:
    with redis7.client() as client:
        client.config_set("maxmemory", client.info("memory")["used_memory"] + 10_000)
    assert look(redis7)["memory"].state is State.YELLOW


@pytest.mark.redis
@pytest.mark.parametrize(
    ("ahead", "state"),
    [(timedelta(), State.GREEN), (timedelta(seconds=30), State.YELLOW), (timedelta(hours=-2), State.RED)],
)
def test_a_clock_that_is_off_is_told(redis7: RedisServer, ahead: timedelta, state: State) -> None:
    assert look(redis7, FakeClock(SystemClock().now() + ahead))["clock"].state is state


@pytest.mark.redis
def test_a_clock_that_may_have_been_set_back_is_told_as_a_delay(redis7: RedisServer) -> None:
    behind = look(redis7, FakeClock(SystemClock().now() + timedelta(hours=2)))["clock"]
    ahead = look(redis7, FakeClock(SystemClock().now() - timedelta(hours=2)))["clock"]
    assert ("behind" in behind.found, "leases and retries wait" in behind.mend) == (True, True)
    assert ("ahead of" in ahead.found, "leases and retries wait" in ahead.mend) == (True, False)


@pytest.mark.cluster
def test_a_cluster_is_looked_at_like_a_server(redis_cluster: RedisClusterServers) -> None:
    checks = {check.name: check for check in looks(redis_cluster.url)}
    assert set(checks) == {"reachable", "version", "safe for mail", "memory", "clock"}
    assert (checks["reachable"].found, checks["clock"].state) == ("cluster", State.GREEN)


def test_a_redis_that_is_away_is_red_and_names_its_runbook() -> None:
    settings = settings_for(f"redis://127.0.0.1:{free_port()}")
    (check,) = redis_checks(settings, SystemClock())
    assert (check.state, check.mend) == (State.RED, "see docs/runbooks/redis_unavailable.md")


def test_a_port_of_ours_is_known_from_anothers() -> None:
    server = HealthServer(address="127.0.0.1", port=0, beats=Beats(SystemClock()), status=dict)
    server.start()
    try:
        check = _port("WORKER_HEALTH_PORT", "127.0.0.1", server.port, "/status")
    finally:
        server.close()
    assert (check.state, "ours" in check.found) == (State.GREEN, True)
    assert "free" in _port("WORKER_HEALTH_PORT", "0.0.0.0", server.port, "/status").found
