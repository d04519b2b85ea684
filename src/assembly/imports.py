"""Imports of mail files, put together: `python -m src.cli import`."""

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from config.settings import Settings
from src.assembly.dry_run import look_dry
from src.assembly.producer import producer_options
from src.assembly.rules import rules_of
from src.assembly.services import open_sources, open_store, open_stream
from src.common import exit_codes
from src.common.beats import Beats
from src.common.clock import SystemClock
from src.common.interpreter import share_one_heap, spare_the_collector, switch_threads_often
from src.common.program_start import PARENT_VARIABLE
from src.common.shutdown import Shutdown
from src.producer.board import MailboxReport
from src.producer.build import build as build_producer
from src.producer.late_store import LateStore
from src.producer.producer import exit_code
from src.producer.progress import shown
from src.producer.worker_alongside import WorkerCommand, worker_alongside

WORKER_PROGRAM = Path(__file__).resolve().parents[2] / "worker.py"
WORKER_BLOCK_MS = "200"  # of the worker beside an import: it ends soon once all is done


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """How an import ended."""

    reports: list[MailboxReport]
    newly_dead: int  # dead letters more than before, of whatever was worked on meanwhile
    is_waited_for: bool  # no stop was asked for before the worker beside it had nothing left to do
    exit_code: int


def run_import(
    settings: Settings, console: Console, *, kind: str, path: Path, account: str, with_worker: bool = False
) -> ImportOutcome:
    """Put the mails of a file or folder on the stream, from where an earlier import stopped.

    Waits whenever the stream is full, and says so on `console`. `with_worker` runs a worker beside it, and returns when
    all is in the database; raises SettingsError where a worker would not start with its rules.
    """
    if with_worker:
        rules_of(settings)
    clock, shutdown = SystemClock(), Shutdown()
    shutdown.listen()
    share_one_heap()
    with ExitStack() as closing:
        stream = open_stream(settings, name="import")
        closing.callback(stream.close)
        store = LateStore(lambda: open_store(settings))
        closing.callback(store.close)
        producer = build_producer(
            open_sources(settings, kind=kind, account=account, known=store, stream=stream, path=path),
            options=replace(producer_options(settings, once=True), is_import=True),
            stream=stream,
            states=store,
            shutdown=shutdown,
            beats=Beats(clock),
            clock=clock,
        )
        dead_before = stream.stats().dead
        switch_threads_often()
        spare_the_collector()
        with shown(producer.board, console):
            if with_worker:
                with worker_alongside(_worker_command(), stream, shutdown) as worker:
                    producer.run()
                    is_waited_for = worker.finish()
            else:
                producer.run()
                is_waited_for = True  # by other workers, later; nothing to wait for
        newly_dead = stream.stats().dead - dead_before
    reports = producer.board.reports()
    code = exit_code(reports)
    if code == exit_codes.OK and (newly_dead > 0 or not is_waited_for):
        code = exit_codes.INCOMPLETE
    return ImportOutcome(reports, newly_dead, is_waited_for, code)


def run_import_dry(settings: Settings, console: Console, *, kind: str, path: Path, account: str) -> int:
    """Show what an import would publish; change nothing. Return the exit code."""
    return look_dry(settings, console, kind=kind, account=account, path=path, batch_mails=settings.batch_size)


def _worker_command() -> WorkerCommand:
    ports = {"WORKER_METRICS_PORT": "0", "WORKER_HEALTH_PORT": "0"}
    environment = {PARENT_VARIABLE: str(os.getpid()), "BLOCK_TIMEOUT_MS": WORKER_BLOCK_MS, **ports}
    return WorkerCommand([sys.executable, str(WORKER_PROGRAM)], environment)
