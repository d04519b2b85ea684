"""The first moments of the programs: a signal ends them quietly, and missing packages are told in one line."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from src.common import exit_codes, program_start
from tests.fixtures.services import wait_until

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = (["producer.py"], ["worker.py"], ["-m", "src.cli", "status"])
BEGUN = "import time; from src.common.program_start import begin; begin(); print(flush=True); time.sleep(60)"
TIMEOUT_S = 60


def _start(arguments: list[str], **more: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "REDIS_URL": "redis://127.0.0.1:1", "WORKER_METRICS_PORT": "0", **more}
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _catches_sigterm(pid: int) -> bool:
    """Tell whether a process has a handler for SIGTERM: Python has none of its own, `begin` puts it in place."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (caught,) = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt:")]
    return bool(caught & 1 << (signal.SIGTERM - 1))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("parent", "code"), [({}, exit_codes.STOPPED), ({program_start.PARENT_VARIABLE: "1"}, 0)])
def test_a_signal_before_anything_is_begun_ends_quietly(
    number: signal.Signals, parent: dict[str, str], code: int
) -> None:
    process = _start(["-c", BEGUN], **parent)
    assert process.stdout
    process.stdout.readline()
    process.send_signal(number)
    assert process.communicate(timeout=TIMEOUT_S) == ("", "")
    assert process.returncode == code


@pytest.mark.parametrize("arguments", PROGRAMS, ids=" ".join)
def test_ctrl_c_while_importing_shows_no_traceback(arguments: list[str]) -> None:
    process = _start(arguments)
    wait_until(lambda: _catches_sigterm(process.pid), what="begin() was called")
    time.sleep(0.1)  # into the imports, which take longer
    process.send_signal(signal.SIGINT)
    _output, told = process.communicate(timeout=TIMEOUT_S)
    assert "Traceback" not in told
    assert process.returncode in (exit_codes.OK, exit_codes.STOPPED)


@pytest.mark.parametrize("arguments", PROGRAMS, ids=" ".join)
def test_missing_packages_are_told_in_one_line(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-S", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == exit_codes.USAGE
    assert "source .venv/bin/activate" in done.stderr
    assert done.stderr.count("\n") == 1


def test_its_exit_codes_are_those_of_all_programs() -> None:
    assert (program_start.STOPPED, program_start.USAGE) == (exit_codes.STOPPED, exit_codes.USAGE)
