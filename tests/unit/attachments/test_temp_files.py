"""Temporary files: private, gone however the work ends, and swept when a process was killed over one."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from src.attachments.temp_files import own_folder, sweep, written
from src.common.errors import TempSpaceError

ROOT = Path(__file__).resolve().parents[3]
_KILLED = """
import sys, os, signal
from pathlib import Path
from src.attachments.temp_files import written
with written([b"data"], Path(sys.argv[1])) as path:
    print(path, flush=True)
    if sys.argv[2] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdin.readline()
"""


def _run(folder: Path, how: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(folder), how],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_file_is_private_and_gone_afterwards(tmp_path: Path) -> None:
    with written([b"a", b"b"], tmp_path / "t") as path:
        assert path.read_bytes() == b"ab"
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
    assert not path.exists()


def test_a_file_is_gone_when_the_work_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), written([b"a"], tmp_path / "t") as path:
        raise ZeroDivisionError
    assert not path.exists()


def test_a_file_is_gone_when_its_content_fails(tmp_path: Path) -> None:
    def slices() -> Iterator[bytes]:
        yield b"a"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), written(slices(), tmp_path / "t"):
        pass
    assert list((tmp_path / "t").iterdir()) == []


def test_the_sweep_takes_what_a_killed_process_left(tmp_path: Path) -> None:
    child = _run(tmp_path, "die")
    child.communicate(timeout=20)
    assert child.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    assert sweep(tmp_path, min_age_s=30.0) == 0  # too young: it might be about to be locked
    assert REGISTRY.get_sample_value("orphaned_temp_files") == 1
    left = next(tmp_path.iterdir())
    os.utime(left, (0, 0))
    assert sweep(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_sweep_leaves_a_file_in_use_however_old(tmp_path: Path) -> None:
    child = _run(tmp_path, "wait")
    assert child.stdout is not None
    path = Path(child.stdout.readline().strip())
    os.utime(path, (0, 0))
    assert sweep(tmp_path) == 0
    assert path.exists()
    child.communicate("\n", timeout=20)
    assert not path.exists()


def test_the_sweep_leaves_other_files_and_missing_folders_alone(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("mine")
    os.utime(other, (0, 0))
    assert sweep(tmp_path) == 0
    assert sweep(tmp_path / "missing") == 0
    assert other.exists()


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(TempSpaceError), written([b"a"], tmp_path / "link"):
        pass
    assert list((tmp_path / "real").iterdir()) == []


def test_each_user_has_a_folder_of_its_own() -> None:
    assert own_folder().name.endswith(str(os.getuid()))
