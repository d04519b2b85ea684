"""The health endpoints turn when a loop stands still, and answer whatever else is wrong."""

from collections.abc import Iterator, Mapping

import httpx
import pytest

from src.common.beats import Beats
from src.common.errors import RedisUnavailableError
from src.monitoring.health import WEDGED_AFTER_LATE, HealthServer
from tests.fakes.clock import FakeClock

LIMIT_S = 10.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def beats(clock: FakeClock) -> Beats:
    beats = Beats(clock)
    beats.expect("read", within_s=LIMIT_S)
    return beats


def _status() -> Mapping[str, object]:
    return {"stream": {"waiting": 3}}


@pytest.fixture
def server(beats: Beats) -> Iterator[HealthServer]:
    server = HealthServer(address="127.0.0.1", port=0, beats=beats, status=_status)
    server.start()
    yield server
    server.close()


def _get(server: HealthServer, path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{server.port}{path}", timeout=5, trust_env=False)


@pytest.mark.parametrize("path", ["/health", "/ready", "/status"])
def test_all_is_well_while_loops_beat(server: HealthServer, path: str) -> None:
    assert _get(server, path).status_code == 200


def test_ready_turns_when_a_loop_is_late_and_turns_back(server: HealthServer, beats: Beats, clock: FakeClock) -> None:
    clock.advance(LIMIT_S + 1)
    late = _get(server, "/ready")
    assert late.status_code == 503
    assert late.json()["late_loops_s"] == {"read": LIMIT_S + 1}
    assert _get(server, "/health").status_code == 200
    beats.beat("read")
    assert _get(server, "/ready").status_code == 200


def test_health_turns_when_a_loop_is_wedged(server: HealthServer, clock: FakeClock) -> None:
    clock.advance(LIMIT_S * WEDGED_AFTER_LATE + 1)
    assert _get(server, "/health").status_code == 503
    assert _get(server, "/status").json()["ready"] is False


def test_a_loop_that_waits_for_a_service_is_not_ready_but_healthy(
    server: HealthServer, beats: Beats, clock: FakeClock
) -> None:
    clock.advance(LIMIT_S * WEDGED_AFTER_LATE + 1)
    beats.trouble("read", "redis_unavailable")
    answer = _get(server, "/ready")
    assert answer.status_code == 503
    assert answer.json()["troubles"] == {"read": "redis_unavailable"}
    assert _get(server, "/health").status_code == 200


def test_status_answers_while_a_service_is_away(beats: Beats) -> None:
    def away() -> Mapping[str, object]:
        raise RedisUnavailableError("redis://worker:secret1@example.org does not answer")

    server = HealthServer(address="127.0.0.1", port=0, beats=beats, status=away)
    server.start()
    try:
        answer = _get(server, "/status")
    finally:
        server.close()
    assert answer.status_code == 200
    assert answer.json()["error"] == "redis_unavailable"
    assert "secret1" not in answer.text


def test_an_unknown_path_is_not_found(server: HealthServer) -> None:
    assert _get(server, "/admin").status_code == 404
