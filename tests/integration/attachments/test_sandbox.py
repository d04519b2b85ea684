"""The pool with readers that crash, hang and eat: each costs its one attachment, and the pool is whole again."""

import os
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
from src.attachments.limits import Limits
from src.attachments.sandbox import isolation
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


def test_a_child_is_bounded_by_the_kernel(pool: Pool) -> None:
    core, address_space, niceness = read(pool, "limits").text.split()
    assert (core, address_space) == ("0", str(Limits().address_space_bytes))
    assert int(niceness) == min(os.nice(0) + isolation.NICENESS, 19), "it lets the worker go first"


@pytest.mark.parametrize("size", [0, 1, 10 * 1024 * 1024])
def test_bytes_and_files_arrive_whole(pool: Pool, tmp_path: Path, size: int) -> None:
    data = b"x" * size
    path = tmp_path / "file"
    path.write_bytes(data)
    assert read(pool, "count", data=data).text == str(size)
    in_file = Content("text/x-count", "", size, path=path)
    assert pool.take_out(in_file, Limits(), 20.0).text == str(size)


def test_a_child_that_was_killed_while_idle_is_replaced(pool: Pool) -> None:
    read(pool, "count")
    os.kill(_children()[0], signal.SIGKILL)
    time.sleep(0.1)
    assert read(pool, "count").text == "7"


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


def test_children_of_a_killed_worker_end_and_their_folders_are_swept(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.integration.attachments.test_sandbox import read, READERS;"
        "from src.attachments.sandbox.pool import Pool;"
        "pool = Pool(1, temp_dir=Path(sys.argv[1]), registry=READERS); read(pool, 'count');"
        "print(pool._idle[0]._process.pid, flush=True); read(pool, 'spin', seconds=60)"
    )
    worker = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    assert worker.stdout is not None
    child = int(worker.stdout.readline())
    time.sleep(0.2)
    worker.kill()
    worker.wait()
    worker.stdout.close()
    for _ in range(100):
        if not Path(f"/proc/{child}").exists() or "\nState:\tZ" in Path(f"/proc/{child}/status").read_text():
            break
        time.sleep(0.02)
    else:
        pytest.fail("the child outlived its worker")
    assert len(list(folder.iterdir())) == 1
    assert temp_files.sweep(folder, min_age_s=0) == 1
    assert list(folder.iterdir()) == []
