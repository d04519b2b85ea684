"""A ZIP is opened to see what it is, and read: once where it is in memory, without leaving a file open otherwise."""

import zipfile
from pathlib import Path

import pytest

from src.attachments.extractor import Budget, Content
from src.attachments.limits import Limits
from src.attachments.sniff import OCTETS
from src.attachments.take_out import take_out
from src.model.extraction import Extracted, Extraction
from tests.fixtures import office_files

FILES = {
    "archive": office_files.zipped({"a.txt": "first words", "b.docx": office_files.docx("second words")}),
    "word": office_files.docx("first words"),
    "powerpoint": office_files.pptx("first words"),
    "book": office_files.epub("first words"),
}
OFFICE = ("word", "powerpoint", "book")


def read(data: bytes, path: Path | None = None) -> Extraction:
    budget = Budget.of(Limits())
    if path is None:
        return take_out(Content(OCTETS, "", len(data), data=data, budget=budget), Limits())
    path.write_bytes(data)
    return take_out(Content(OCTETS, "", len(data), path=path, budget=budget), Limits())


def open_files() -> list[Path]:
    return sorted(Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize("kind", OFFICE)
def test_the_directory_of_a_zip_in_memory_is_read_once(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    as_it_was = zipfile.ZipFile.__init__

    def counted(self: zipfile.ZipFile, *arguments: object) -> None:
        opened.append(self)
        as_it_was(self, *arguments)  # type: ignore[call-overload]  # what it was called with

    monkeypatch.setattr(zipfile.ZipFile, "__init__", counted)
    assert "first words" in read(FILES[kind]).text
    assert len(opened) == 1


@pytest.mark.parametrize("kind", FILES)
def test_a_zip_in_a_file_is_read_as_one_in_memory_and_left_closed(kind: str, tmp_path: Path) -> None:
    before = open_files()
    assert read(FILES[kind], tmp_path / "file") == read(FILES[kind])
    assert open_files() == before


@pytest.mark.parametrize("kind", FILES)
def test_a_broken_zip_leaves_no_file_open(kind: str, tmp_path: Path) -> None:
    before = open_files()
    found = read(FILES[kind][:-30], tmp_path / "file")  # without the end of its directory
    assert (found.outcome, found.reason) == (Extracted.FAILED, "broken")
    assert open_files() == before
