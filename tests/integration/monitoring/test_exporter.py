"""`python -m src.monitoring.metrics` as a user runs it: it serves, whether the services answer or not, and stops."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from src.common import exit_codes
from src.common.embedded_redis import stop_embedded
from tests.fixtures.services import free_port, wait_until

ROOT = Path(__file__).resolve().parents[3]
Run = Callable[[dict[str, str]], tuple[subprocess.Popen[bytes], int]]


@pytest.fixture
def run_exporter() -> Iterator[Run]:
    """Return a function that starts an exporter with the given settings, and returns it with its port."""
    started: list[subprocess.Popen[bytes]] = []

    def run(settings: dict[str, str]) -> tuple[subprocess.Popen[bytes], int]:
        port = free_port()
        environment = {**os.environ, "PRODUCER_METRICS_PORT": str(port), **settings}
        process = subprocess.Popen([sys.executable, "-m", "src.monitoring.metrics"], cwd=ROOT, env=environment)
        started.append(process)
        return process, port

    yield run
    for process in started:
        process.kill()
        process.wait()


def _scrape(port: int) -> str:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10, trust_env=False).text
    except httpx.TransportError:
        return ""


def test_it_serves_the_state_of_both_services_and_stops_on_a_signal(run_exporter: Run, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/mail.db"
    migrate = f"from src.store.opening import open_store; open_store('{database}').close()"
    subprocess.run([sys.executable, "-c", migrate], cwd=ROOT, check=True)
    process, port = run_exporter({"REDIS_URL": f"embedded:{tmp_path}/redis", "DATABASE_URL": database})
    try:
        wait_until(lambda: "email_ingestion_stream_depth 0.0" in _scrape(port), what="the exporter serves the stream")
        text = _scrape(port)
        assert 'email_ingestion_service_up{service="redis"} 1.0' in text
        assert 'email_ingestion_service_up{service="database"} 1.0' in text
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == exit_codes.OK
    finally:
        stop_embedded(tmp_path / "redis")


def test_it_serves_while_no_service_answers(run_exporter: Run, tmp_path: Path) -> None:
    nobody = free_port()
    _, port = run_exporter(
        {"REDIS_URL": f"redis://127.0.0.1:{nobody}", "DATABASE_URL": f"sqlite:///{tmp_path}/none/mail.db"}
    )
    wait_until(lambda: 'service_up{service="redis"} 0.0' in _scrape(port), what="the exporter says Redis is away")
    assert 'email_ingestion_service_up{service="database"} 0.0' in _scrape(port)
    assert not (tmp_path / "none").exists(), "looking must not make a database"


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = subprocess.run(
            [sys.executable, "-m", "src.monitoring.metrics"],
            cwd=ROOT,
            env={**os.environ, "PRODUCER_METRICS_PORT": str(taken.getsockname()[1])},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert ended.returncode == exit_codes.USAGE
    assert "PRODUCER_METRICS_PORT" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("argument", "code"), [("--help", exit_codes.OK), ("--port=1", exit_codes.USAGE), ("extra", exit_codes.USAGE)]
)
def test_help_is_printed_and_an_unknown_argument_is_refused(argument: str, code: int) -> None:
    environment = {**os.environ, "PRODUCER_METRICS_PORT": "no number"}  # neither needs the settings to be right
    ended = subprocess.run(
        [sys.executable, "-m", "src.monitoring.metrics", argument],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == code
    assert "usage: python -m src.monitoring.metrics" in ended.stdout + ended.stderr
