"""Processes: `worker.py --processes N` runs N workers as children and keeps them running.

The parent does no work of its own. A child that ends by itself is started again with back-off, which starts over once
a child has lived for a while. SIGTERM and SIGINT are passed on, and the second one too. A child that ended because an
operator is needed, or because of wrong settings, ends them all: starting it again would not help. A child whose parent
is gone ends by itself, in order, at whatever point of its life.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FrameType

from config.settings import Settings
from src.common.exit_codes import INCOMPLETE, OK, OPERATOR_NEEDED, USAGE
from src.common.instruments import WORKER_RESTARTS
from src.common.logs import get_logger
from src.common.program_start import PARENT_VARIABLE
from src.common.retry import RetryPolicy, next_delay_s
from src.common.shutdown import Shutdown

log = get_logger(__name__)

RESTART_POLICY = RetryPolicy(max_attempts=0, initial_s=0.5, cap_s=30.0)  # waits before a start; tries: no bound
PROVEN_AFTER_S = 60.0  # a child that lived this long starts its back-off over
LOOK_EVERY_S = 0.1
PARENT_LOOK_EVERY_S = 1.0
DRAINED = (OK, INCOMPLETE)  # exit codes of a child with `--drain` whose work is done
FINAL = (USAGE, OPERATOR_NEEDED)  # exit codes after which no child is started again

Command = tuple[list[str], Mapping[str, str]]  # arguments and environment


@dataclass(slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    started_at: float
    failures: int = 0
    start_again_at: float | None = None  # None: it runs, or has ended for good
    code: int | None = None  # of its final end


def command_of_child(
    program: str, overrides: Mapping[str, object], settings: Settings, *, is_drain: bool
) -> Callable[[int], Command]:
    """Return what gives the command of child N: the same settings, but ports + N and a name of its own."""

    def command(index: int) -> Command:
        environment = {**os.environ, **{name.upper(): str(value) for name, value in overrides.items()}}
        environment["WORKER_METRICS_PORT"] = str(_port_of(settings.worker_metrics_port, index))
        environment["WORKER_HEALTH_PORT"] = str(_port_of(settings.worker_health_port, index))
        if settings.consumer_name:
            environment["CONSUMER_NAME"] = f"{settings.consumer_name}-{index}"
        return [sys.executable, program, *(["--drain"] if is_drain else [])], environment

    return command


def _port_of(first: int, index: int) -> int:
    return first + index if first else 0


def parent_is_gone() -> bool:
    """Tell whether this process is a child whose parent has ended without ending it."""
    parent = os.environ.get(PARENT_VARIABLE, "")
    return parent.isdigit() and os.getppid() != int(parent)


def watch_parent(shutdown: Shutdown) -> None:
    """Ask for a stop once this process's parent has ended without ending it; does nothing in one that is no child.

    A thread of its own for as long as the process lives: its first wait, for Redis or the database, may be endless.
    """
    if os.environ.get(PARENT_VARIABLE):
        threading.Thread(target=_ask_when_orphaned, args=(shutdown,), name="parent", daemon=True).start()


def _ask_when_orphaned(shutdown: Shutdown) -> None:
    while not parent_is_gone():
        if shutdown.wait(PARENT_LOOK_EVERY_S):
            return
    log.warning("parent_gone")
    shutdown.ask()


class Processes:
    """The parent of N workers."""

    def __init__(
        self, command_of: Callable[[int], Command], number: int, *, is_drain: bool, rng: random.Random
    ) -> None:
        self._command_of = command_of
        self._is_drain = is_drain
        self._rng = rng
        self._number = number
        self._children: list[_Child] = []
        self._is_stopping = False

    def run(self) -> int:
        """Run the children until all have ended for good; return the worst exit code."""
        signal.signal(signal.SIGTERM, self._pass_on)
        signal.signal(signal.SIGINT, self._pass_on)
        self._children = [_Child(self._start(index), time.monotonic()) for index in range(self._number)]
        while any(child.code is None for child in self._children):
            time.sleep(LOOK_EVERY_S)
            for index, child in enumerate(self._children):
                self._look_after(index, child)
        return max(child.code or OK for child in self._children)

    def _look_after(self, index: int, child: _Child) -> None:
        if child.code is not None:
            return
        if child.start_again_at is not None:
            self._start_again(index, child)
            return
        code = child.process.poll()
        if code is None:
            return
        if self._is_stopping or code in FINAL or (self._is_drain and code in DRAINED):
            child.code = max(code, OK)  # below zero: ended by the signal that was passed on before it listened
            self._stop_all_if_final(code)
            return
        self._plan_restart(index, child, code)

    def _plan_restart(self, index: int, child: _Child, code: int) -> None:
        now = time.monotonic()
        child.failures = 1 if now - child.started_at > PROVEN_AFTER_S else child.failures + 1
        delay_s = next_delay_s(child.failures, RESTART_POLICY, self._rng)
        child.start_again_at = now + delay_s
        WORKER_RESTARTS.inc()
        log.warning("worker_died", worker=index, exit_code=code, again_in_s=round(delay_s, 2))

    def _start_again(self, index: int, child: _Child) -> None:
        if self._is_stopping:
            child.code = OK
        elif time.monotonic() >= (child.start_again_at or 0.0):
            child.process, child.started_at, child.start_again_at = self._start(index), time.monotonic(), None

    def _start(self, index: int) -> subprocess.Popen[bytes]:
        arguments, environment = self._command_of(index)
        # A process group of its own: Ctrl-C reaches the parent alone, which passes it on once.
        environment = {**environment, PARENT_VARIABLE: str(os.getpid())}
        return subprocess.Popen(arguments, env=environment, process_group=0)

    def _stop_all_if_final(self, code: int) -> None:
        if code in FINAL and not self._is_stopping:
            log.error("workers_stopping", exit_code=code)
            self._pass_on(signal.SIGTERM, None)

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        self._is_stopping = True
        for child in self._children:
            if child.process.poll() is None:
                child.process.send_signal(number)
