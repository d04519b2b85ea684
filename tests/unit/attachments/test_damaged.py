"""What can be read of a damaged, locked or oversized file is kept, and the outcome says what could not."""

import io
import math
import tarfile
import time
from collections.abc import Callable
from hashlib import sha256

import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from src.attachments import ocr, pdf_pages
from src.attachments.extractor import Budget, Content, NotExtractedError
from src.attachments.limits import Limits
from src.attachments.take_out import take_out
from src.model.extraction import Extracted
from tests.fixtures import office_files
from tests.fixtures.reading import read
from tests.fixtures.services import require_program


def tar(mode: str, members: int = 5) -> bytes:
    """Return an archive whose members do not compress away: text of hashes."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        for at in range(members):
            lines = (sha256(b"%d %d" % (at, line)).hexdigest() for line in range(500))
            data = f"member {at}\n{''.join(lines)}".encode()
            entry = tarfile.TarInfo(f"{at}.txt")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return file.getvalue()


@settings(max_examples=25, deadline=None)
@given(mode=st.sampled_from(["w", "w:gz", "w:xz"]), share=st.floats(0.5, 0.99))
def test_an_archive_cut_short_gives_what_is_whole_in_it(mode: str, share: float) -> None:
    whole = tar(mode)
    found = read(whole[: int(len(whole) * share)], "x.tar")
    assert found.outcome in (Extracted.TEXT, Extracted.FAILED)
    if found.outcome is Extracted.TEXT:
        assert found.text.startswith("0.txt\nmember 0")


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])  # bzip2: its one block is lost whole
def test_a_tar_cut_in_its_last_member_keeps_the_others(mode: str) -> None:
    found = read(tar(mode)[: -30_000 if mode == "w" else -10_000], "x.tar.gz")
    assert (found.outcome, found.reason, found.truncated) == (Extracted.TEXT, "broken", True)
    assert "member 0" in found.text


def test_members_that_could_not_be_opened_are_counted() -> None:
    found = read(office_files.zipped({"big.md": "x" * 2000, "small.txt": "fine"}), memory_bytes=1000)
    assert found.text == "big.md\n\nsmall.txt\nfine"
    assert found.metadata == {"members": 2, "members_left_out": 1}


def test_an_archive_whose_time_is_over_gives_what_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    members = {f"{at}.txt": f"text {at}" for at in range(5)}
    data = office_files.zipped(members)
    budget = Budget.of(Limits(), ends_at=time.monotonic() + 1000)
    opened = budget.open_member

    def open_third_too_late() -> None:
        if budget.members == Limits().members - 2:
            budget.ends_at = -math.inf
        opened()

    monkeypatch.setattr(Budget, "open_member", lambda _self: open_third_too_late())
    found = take_out(Content("application/zip", "", len(data), data=data, budget=budget), Limits())
    assert (found.text, found.reason, found.truncated) == ("0.txt\ntext 0\n\n1.txt\ntext 1", "time_out", True)


@pytest.mark.parametrize("make", [office_files.docx, office_files.xlsx, office_files.epub])
def test_an_office_file_has_no_time_for_ocr(make: Callable[[str], bytes]) -> None:
    found = read(make("words"), seconds=-1)
    assert (found.outcome, found.reason) == (Extracted.FAILED, "time_out")


@pytest.mark.parametrize("algorithm", ["RC4-40", "AES-128", "AES-256"])
def test_a_pdf_with_a_password_is_skipped_as_every_other_locked_file(algorithm: str) -> None:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(office_files.pdf("secret words")))
    writer.encrypt("password", algorithm=algorithm)
    file = io.BytesIO()
    writer.write(file)
    found = read(file.getvalue())
    assert (found.outcome, found.reason) == (Extracted.SKIPPED, "encrypted")


@pytest.mark.parametrize("box", [(1e6, 0.01), (20_000, 1), (1, 20_000), (1e9, 1e9), (14_400, 14_400)])
def test_a_page_of_any_size_has_an_outcome_that_is_not_a_failure(
    box: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ocr.Reader, "read", lambda _self, picture: _size_is_bearable(picture))
    writer = pypdf.PdfWriter()
    writer.add_blank_page(*box)
    file = io.BytesIO()
    writer.write(file)
    found = read(file.getvalue())
    assert (found.outcome, found.reason) in ((Extracted.EMPTY, ""), (Extracted.TEXT, ""))


def _size_is_bearable(path: object) -> str:
    with Image.open(str(path)) as picture:
        assert picture.width * picture.height <= Limits().render_pixels * 1.01
        assert max(picture.size) <= ocr.MOST_SIDE + 1
    return "words"


def _failing_at(page: int, error: NotExtractedError) -> Callable[..., str]:
    def read_by_ocr(_data: Content, at: int, _reader: ocr.Reader) -> str:
        if at == page:
            raise error
        return f"scan of page {at}"

    return read_by_ocr


def test_a_page_that_cannot_be_rendered_costs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_pages, "read_by_ocr", _failing_at(1, NotExtractedError("time_out")))
    found = read(office_files.pdf("page with text", "", "", "another page with text"))
    assert found.text == "page with text\n\n\n\nscan of page 2\n\nanother page with text"
    assert (found.outcome, found.reason) == (Extracted.TEXT, "time_out")


def test_a_scan_that_cannot_be_rendered_has_failed_and_was_not_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_pages, "read_by_ocr", _failing_at(0, NotExtractedError("crashed")))
    found = read(office_files.pdf(""))
    assert (found.outcome, found.reason) == (Extracted.FAILED, "crashed")


def test_a_page_whose_ocr_took_too_long_is_said_to_be_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_slow(*_: object, **__: object) -> str:
        raise RuntimeError("Tesseract process timeout")

    monkeypatch.setattr("pytesseract.image_to_string", too_slow)
    found = read(office_files.pdf("page with text", ""))
    assert (found.text, found.truncated) == ("page with text", True)


def test_a_picture_as_long_as_a_chat_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tesseract refuses pictures of more than 32,767 pixels a side."""
    require_program("tesseract")
    monkeypatch.setenv("OMP_THREAD_LIMIT", "1")
    picture = Image.new("L", (400, 36_000), 255)
    ImageDraw.Draw(picture).text((20, 35_000), "the last line", font=ImageFont.load_default(40), fill=0)
    file = io.BytesIO()
    picture.save(file, "PNG")
    assert "the last line" in read(file.getvalue()).text
