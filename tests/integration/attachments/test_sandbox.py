"""The pool with readers that crash, hang and eat: each costs its one attachment, and the pool is whole again."""

import os
import platform
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from src.attachments import temp_files
from src.attachments.extractor import Content
from src.attachments.finish import METADATA_CHARS
from src.attachments.limits import Limits, Ocr
from src.attachments.sandbox import isolation, landlock
from src.attachments.sandbox.pool import PROJECT, Pool
from src.common.errors import SandboxUnavailableError
from src.model.extraction import Extracted, Extraction

READERS = "tests.fakes.hostile_readers"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "own"


@pytest.fixture
def pool(folder: Path) -> Iterator[Pool]:
    pool = Pool(1, temp_dir=folder, registry=READERS)
    yield pool
    pool.close()
    assert list(folder.iterdir()) == []
    assert _children() == []


def read(pool: Pool, kind: str, *, data: bytes = b"content", seconds: float = 20.0) -> Extraction:
    content = Content(f"text/x-{kind}", "", len(data), data=data)
    return pool.take_out(content, replace(Limits(), seconds=seconds), seconds)


def _children() -> list[int]:
    """Return the processes that this one started and has not waited for, and what those left."""
    listed = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True)
    return [int(line.split()[0]) for line in listed.stdout.splitlines() if "src.attachments.child" in line]


def _living_in_group(group: int) -> list[str]:
    listed = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True).stdout.splitlines()
    return [line for line in listed if line.split()[0] == str(group) and not line.split()[1].startswith("Z")]


def _sleepers() -> str:
    return subprocess.run(["pgrep", "-fx", "sleep 3600"], capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("kind", "reason", "seconds"),
    [
        ("raise", "broken", 20.0),
        ("hang", "time_out", 0.5),
        ("spin", "time_out", 0.5),
        ("exit", "crashed", 20.0),
        ("segfault", "crashed", 20.0),
        ("eat-memory", "out_of_memory", 20.0),
        ("recurse", "nested_too_deep", 20.0),
        ("start-others", "time_out", 0.5),
        ("write-much", "broken", 20.0),
        ("answer-much", "crashed", 20.0),
    ],
)
def test_a_child_in_trouble_costs_one_attachment(pool: Pool, kind: str, reason: str, seconds: float) -> None:
    assert read(pool, "count").text == "7"

    found = read(pool, kind, seconds=seconds)

    assert (found.outcome, found.reason) == (Extracted.FAILED, reason)
    assert read(pool, "count").text == "7"
    assert len(_children()) == 1
    assert _sleepers() == ""


def test_what_a_reader_prints_does_not_reach_the_answers(pool: Pool) -> None:
    assert read(pool, "print").text == "printed, input ''"


@pytest.mark.skipif(not isolation.has_no_network(), reason="MISSING: no seccomp filter for this kind of machine")
def test_a_child_has_no_network(pool: Pool) -> None:
    assert read(pool, "connect").text == "refused refused refused"


def test_a_child_sees_no_setting_no_secret_and_no_open_file(
    pool: Pool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAP_PASSWORD", "secret")
    monkeypatch.setenv("REDIS_URL", "redis://localhost")
    names, descriptors, cwd = read(pool, "look-around").text.split("|")
    assert "IMAP_PASSWORD" not in names
    assert "REDIS_URL" not in names
    assert len(descriptors.split()) <= 6, "standard three, the two pipes, and the listing itself"
    assert Path(cwd).parent == folder


@pytest.mark.skipif(not landlock.version(), reason="MISSING: no Landlock in this kernel")
@pytest.mark.parametrize(
    ("kind", "outcomes"),
    [
        ("look-into-others", "refused refused refused"),  # its environment, its memory, an open file of its
        ("reach-files", "refused refused refused open"),  # only its own folder can be written
    ],
)
def test_a_child_reaches_neither_other_processes_nor_files(pool: Pool, kind: str, outcomes: str) -> None:
    assert read(pool, kind).text == outcomes


@pytest.mark.skipif(
    landlock.version() < landlock.SCOPES_SINCE, reason="MISSING: no Landlock with scopes in this kernel"
)
def test_a_child_cannot_signal_the_worker(pool: Pool) -> None:
    assert read(pool, "signal-parent").text == "refused"


def test_a_child_is_bounded_by_the_kernel(pool: Pool) -> None:
    core, address_space, niceness = read(pool, "limits").text.split()
    assert (core, address_space) == ("0", str(Limits().address_space_bytes))
    assert int(niceness) == min(os.nice(0) + isolation.NICENESS, 19), "it lets the worker go first"


@pytest.mark.parametrize("size", [0, 1, 10 * 1024 * 1024])
def test_bytes_and_files_arrive_whole(pool: Pool, folder: Path, size: int) -> None:
    data = b"x" * size
    assert read(pool, "count", data=data).text == str(size)
    with temp_files.written([data], folder) as path:
        in_file = Content("text/x-count", "", size, path=path)
        assert pool.take_out(in_file, Limits(), 20.0).text == str(size)


def test_a_child_that_was_killed_while_idle_is_replaced(pool: Pool) -> None:
    read(pool, "count")
    os.kill(_children()[0], signal.SIGKILL)
    time.sleep(0.1)
    assert read(pool, "count").text == "7"


def test_a_child_outlives_the_thread_that_first_needed_it(pool: Pool) -> None:
    """The kernel's "parent" of PR_SET_PDEATHSIG is a thread: a child killed with it would fail someone else's file."""
    thread = threading.Thread(target=read, args=(pool, "count"))
    thread.start()
    thread.join()
    before = _children()
    time.sleep(0.1)
    assert read(pool, "count").text == "7"
    assert _children() == before


def test_a_child_that_waits_is_not_ended_by_the_bounds_of_its_last_task(pool: Pool) -> None:
    content = Content("text/x-count", "", 1, data=b"x")
    shortest = Limits(seconds=0.1, ocr=Ocr(seconds=0.0))  # three times this, in wall time, and the child ends itself
    assert pool.take_out(content, shortest, 20.0).text == "1"
    before = _children()
    time.sleep(0.5)
    assert _children() == before
    assert read(pool, "count").text == "7"


def test_what_a_child_answers_is_not_believed(pool: Pool) -> None:
    """Text longer than allowed, controls in it, endless metadata, a made-up reason: as from a child taken over."""
    found = read(pool, "answer-falsely")
    assert found.truncated
    assert (len(found.text), "\0" in found.text) == (Limits().text_chars, False)
    assert found.metadata == {"author": "y" * METADATA_CHARS}
    assert read(pool, "answer-with-a-reason").reason == "crashed"


def test_an_answer_unasked_is_not_taken_for_that_to_the_next_task(pool: Pool) -> None:
    read(pool, "answer-twice")
    time.sleep(0.1)
    assert read(pool, "count").text == "7"


def test_a_child_leaves_no_file_between_tasks(pool: Pool, folder: Path) -> None:
    assert read(pool, "leave-files").text == "left"
    assert [list(reader.iterdir()) for reader in folder.iterdir()] == [[]]


def test_children_take_turns_and_are_renewed(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.attachments.sandbox.pool.TASKS_OF_A_CHILD", 2)
    seen = set()
    for _ in range(6):
        assert read(pool, "count").text == "7"
        seen |= set(_children())
    assert len(seen) <= 3


def test_two_children_work_at_once(folder: Path) -> None:
    pool = Pool(2, temp_dir=folder, registry=READERS)

    def hang() -> None:
        with suppress(SandboxUnavailableError):  # the pool was closed before its child was up
            read(pool, "hang", seconds=5.0)

    slow = threading.Thread(target=hang)
    slow.start()
    began = time.monotonic()
    assert read(pool, "count").text == "7"
    assert slow.is_alive(), f"the quick one took {time.monotonic() - began} s"
    pool.close()
    slow.join(5)
    assert not slow.is_alive(), "closing did not end the child that worked"
    assert list(folder.iterdir()) == []


def test_the_fork_of_a_child_is_kept_until_it_grows_and_ends_with_it(folder: Path) -> None:
    pool = Pool(1, temp_dir=folder, registry=READERS)
    try:
        first = read(pool, "fork").text
        assert read(pool, "fork").text == first
        assert read(pool, "fork-and-grow").text == first
        second = read(pool, "fork").text
        assert second != first
        assert not Path(f"/proc/{first}").exists()
    finally:
        pool.close()
    assert not Path(f"/proc/{second}").exists()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="MISSING: another C library than glibc")
def test_what_one_page_took_of_memory_stays_for_the_next(pool: Pool) -> None:
    assert int(read(pool, "take-again").text) < 1_000, "ten times 4 MB are 10,000 pages of memory"


def test_a_closed_pool_starts_nothing(folder: Path) -> None:
    pool = Pool(1, temp_dir=folder, registry=READERS)
    pool.close()
    with pytest.raises(SandboxUnavailableError):
        read(pool, "count")
    assert list(folder.iterdir()) == []


def test_a_child_that_cannot_start_is_a_temporary_error(folder: Path) -> None:
    pool = Pool(1, temp_dir=folder, registry="no.such.module")
    with pytest.raises(SandboxUnavailableError):
        read(pool, "count")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("kind", ["spin", "fork-and-hang"])
def test_children_of_a_killed_worker_end_and_their_folders_are_swept(folder: Path, kind: str) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.integration.attachments.test_sandbox import read, READERS;"
        "from src.attachments.sandbox.pool import Pool;"
        "pool = Pool(1, temp_dir=Path(sys.argv[1]), registry=READERS); read(pool, 'count');"
        "print(pool._idle[0]._process.pid, flush=True); read(pool, sys.argv[2], seconds=60)"
    )
    arguments = [sys.executable, "-c", code, str(folder), kind]
    worker = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    assert worker.stdout is not None
    child = int(worker.stdout.readline())
    time.sleep(0.2)
    worker.kill()
    worker.wait()
    worker.stdout.close()
    for _ in range(100):
        if not _living_in_group(child):
            break
        time.sleep(0.02)
    else:
        pytest.fail("the child, or its fork, outlived the worker")
    assert len(list(folder.iterdir())) == 1
    assert temp_files.sweep(folder, min_age_s=0) == 1
    assert list(folder.iterdir()) == []
