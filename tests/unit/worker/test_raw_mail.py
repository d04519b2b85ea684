"""A raw mail as one buffer: in memory as it is, in slices through a file without a name."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from src.common.errors import TempSpaceError
from src.worker.raw_mail import opened


class Slices:
    """A mail of some slices."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces
        self.size_bytes = sum(map(len, pieces))

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)


def test_bytes_are_given_as_they_are() -> None:
    raw = b"Subject: x\r\n\r\nbody"
    with opened(raw, None) as (data, sha256):
        assert data is raw
        assert sha256 == hashlib.sha256(raw).hexdigest()


def test_slices_are_mapped_and_leave_no_file(tmp_path: Path) -> None:
    with opened(Slices(b"Subject: ", b"x\r\n", b"\r\nbody"), str(tmp_path)) as (data, sha256):
        assert data[:] == b"Subject: x\r\n\r\nbody"
        assert sha256 == hashlib.sha256(data).hexdigest()
        assert list(tmp_path.iterdir()) == []  # no name, so nothing for a crash to leave


def test_no_slices_are_an_empty_mail(tmp_path: Path) -> None:
    with opened(Slices(), str(tmp_path)) as (data, sha256):
        assert data == b""
        assert sha256 == hashlib.sha256().hexdigest()


def test_a_view_that_outlives_the_mail_does_no_harm(tmp_path: Path) -> None:
    with opened(Slices(b"abc"), str(tmp_path)) as (data, _):
        view = memoryview(data)
    assert bytes(view) == b"abc"
    view.release()


def test_a_missing_folder_is_told_as_lack_of_space(tmp_path: Path) -> None:
    with pytest.raises(TempSpaceError), opened(Slices(b"abc"), str(tmp_path / "none")):
        pass
