"""The parent of several workers: what it does when a child ends."""

import os
import random
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import Settings
from src.common.program_start import PARENT_VARIABLE
from src.common.shutdown import Shutdown
from src.worker.processes import Command, Processes, command_of_child, parent_is_gone, watch_parent
from tests.fixtures.logs import CapturedLogs
from tests.fixtures.services import PATIENCE_S

WAITS_FOR_SIGTERM = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); signal.pause()"


@pytest.fixture(autouse=True)
def _restore_signals() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def _run(*programs: str, is_drain: bool = False) -> int:
    def command(index: int) -> Command:
        return [sys.executable, "-c", programs[index]], os.environ

    return Processes(command, len(programs), is_drain=is_drain, rng=random.Random(1)).run()


def test_a_child_that_needs_an_operator_ends_them_all(logs: CapturedLogs) -> None:
    logs.expect_errors()
    assert _run(WAITS_FOR_SIGTERM, "raise SystemExit(3)") == 3
    assert logs.named("workers_stopping")


def test_the_worst_end_of_a_drain_is_told() -> None:
    assert _run("raise SystemExit(0)", "raise SystemExit(1)", is_drain=True) == 1


def test_a_child_that_dies_is_started_again(tmp_path: Path, logs: CapturedLogs) -> None:
    mark = tmp_path / "mark"
    dies_once = (
        f"import os, pathlib; mark = pathlib.Path({str(mark)!r})\n"
        "if not mark.exists(): mark.touch(); os.kill(os.getpid(), 9)"
    )
    assert _run(dies_once, is_drain=True) == 0
    assert [event["exit_code"] for event in logs.named("worker_died")] == [-9]


def test_children_differ_in_ports_and_names_only() -> None:
    settings = Settings(consumer_name="mill", worker_metrics_port=9091, worker_health_port=0)  # type: ignore[call-arg]
    command = command_of_child("worker.py", {"batch_size": 7}, settings, is_drain=True)
    arguments, environment = command(2)
    assert arguments == [sys.executable, "worker.py", "--drain"]
    assert environment["CONSUMER_NAME"] == "mill-2"
    assert environment["WORKER_METRICS_PORT"] == "9093"
    assert environment["WORKER_HEALTH_PORT"] == "0"  # none stays none
    assert environment["BATCH_SIZE"] == "7"


@pytest.mark.parametrize(("told", "is_gone"), [("", False), (str(os.getppid()), False), ("1234567", True)])
def test_an_orphan_notices(monkeypatch: pytest.MonkeyPatch, told: str, is_gone: bool) -> None:
    monkeypatch.setenv(PARENT_VARIABLE, told)
    assert parent_is_gone() is is_gone


def test_an_orphan_asks_for_a_stop_and_a_process_without_a_parent_starts_no_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(PARENT_VARIABLE, "1234567")
    orphaned = Shutdown()
    watch_parent(orphaned)
    assert orphaned.wait(PATIENCE_S)
    monkeypatch.delenv(PARENT_VARIABLE)
    before = threading.active_count()
    watch_parent(Shutdown())
    assert threading.active_count() == before
