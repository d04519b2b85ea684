"""The worker beside an import is kept alive, and ended with it."""

import sys
import threading
from pathlib import Path

import pytest

from src.common.errors import WorkerCrashedError
from src.common.shutdown import Shutdown
from src.model.cursor import Cursor
from src.producer.payloads import outgoing_of
from src.producer.worker_alongside import MAX_STARTS, WorkerCommand, worker_alongside
from src.stream.memory.stream import MemoryStream
from tests.unit.producer.scripted_source import ACCOUNT, MAILBOX, ScriptedSource


def stream_with_a_mail() -> MemoryStream:
    stream = MemoryStream()
    lease = stream.acquire_lease(ACCOUNT, MAILBOX, "me")
    assert lease is not None
    batch = ScriptedSource(1).fetch(Cursor())
    stream.publish(lease, outgoing_of(batch), before=Cursor(), after=batch.cursor)
    return stream


def command(program: str, folder: Path) -> WorkerCommand:
    return WorkerCommand([sys.executable, "-c", program], {"STARTS": str(folder / "starts")})


NOTES_ITS_START = "import os, time; open(os.environ['STARTS'], 'a').write('x'); "


def test_it_runs_until_nothing_is_on_its_way(tmp_path: Path) -> None:
    stream = stream_with_a_mail()

    def settle() -> None:
        stream.settle("w", stream.read_new("w", 1, 0), [b"{}"])

    with worker_alongside(command(NOTES_ITS_START + "time.sleep(60)", tmp_path), stream, Shutdown()) as worker:
        threading.Timer(0.5, settle).start()
        assert worker.finish()
    assert (tmp_path / "starts").read_text() == "x"


def test_one_that_keeps_dying_stops_the_import(tmp_path: Path) -> None:
    shutdown = Shutdown()
    with worker_alongside(command(NOTES_ITS_START, tmp_path), stream_with_a_mail(), shutdown) as worker:
        with pytest.raises(WorkerCrashedError):
            worker.finish()
        assert shutdown.is_asked
    assert len((tmp_path / "starts").read_text()) == MAX_STARTS


def test_one_that_cannot_be_started_again_stops_the_import(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nrm $0\n")
    program.chmod(0o700)
    shutdown = Shutdown()
    ended = WorkerCommand([str(program)], {})
    with worker_alongside(ended, stream_with_a_mail(), shutdown) as worker:
        with pytest.raises(WorkerCrashedError, match="could not be started"):
            worker.finish()
        assert shutdown.is_asked


def test_one_that_cannot_be_started_at_all_is_told(tmp_path: Path) -> None:
    nowhere = WorkerCommand([str(tmp_path / "nowhere")], {})
    with (
        pytest.raises(WorkerCrashedError, match="could not be started"),
        worker_alongside(nowhere, stream_with_a_mail(), Shutdown()),
    ):
        raise AssertionError("there is no worker")


def test_a_stop_before_all_is_stored_is_told(tmp_path: Path) -> None:
    shutdown = Shutdown()
    with worker_alongside(command("import time; time.sleep(60)", tmp_path), stream_with_a_mail(), shutdown) as worker:
        shutdown.ask()
        assert not worker.finish()
