"""Hostile files through the real sandbox: each ends within its limits with a clear outcome, the next is unharmed."""

import base64
import io
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from src.attachments.keep import Keeper
from src.attachments.limits import MB, Limits, Ocr
from src.attachments.sandbox.pool import Pool
from src.mail.parse import parse
from src.model.extraction import Attachment, Extracted
from tests.fixtures import office_files
from tests.fixtures.binary_sheets import xls, xlsb
from tests.fixtures.outlook_files import attachment, msg, tnef, tnef_attachment
from tests.fixtures.services import require_program

QUICK = Limits(seconds=20.0, engine_seconds=6.0, ocr=Ocr(seconds=4.0))
WELL = office_files.docx("all is well")
# Of each kind that has a reader of its own, one to be damaged.
WHOLE: tuple[Callable[[], bytes], ...] = (
    lambda: WELL,
    lambda: office_files.xlsx("x"),
    lambda: office_files.pdf("words on a page"),
    lambda: msg({0x0037: "x"}, (), [attachment("a.docx", WELL)]),
    (Path(__file__).parents[2] / "fixtures" / "pictures" / "invoice.heic").read_bytes,
    lambda: office_files.spreadsheet("<b:table-cell><t:p>x</t:p></b:table-cell>"),
    lambda: xls("x"),
    lambda: xlsb("x"),
    lambda: tnef({0x0037: "x"}, (), [tnef_attachment(b"a.docx", WELL)]),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "own"


@pytest.fixture(scope="module")
def keeper(folder: Path) -> Iterator[Keeper]:
    keeper = Keeper(Pool(1, temp_dir=folder), QUICK, folder)
    yield keeper
    keeper.close()
    assert list(folder.iterdir()) == []


def mail_with(data: bytes, filename: str, content_type: str = "application/octet-stream") -> bytes:
    return (
        b'Subject: x\nContent-Type: multipart/mixed; boundary="b"\n\n--b\n\ntext\n--b\nContent-Type: %b\n'
        b'Content-Disposition: attachment; filename="%b"\nContent-Transfer-Encoding: base64\n\n%b\n--b--\n'
        % (content_type.encode(), filename.encode(), base64.encodebytes(data))
    )


def keep(keeper: Keeper, data: bytes, filename: str = "file") -> Attachment:
    (part,) = parse(mail_with(data, filename)).parts
    return keeper.keep(part)


def bomb_zip(name: str = "zeros.txt", size: int = 300 * MB) -> bytes:
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open(name, "w") as member,
    ):
        for _ in range(size // MB):
            member.write(bytes(MB))
    return file.getvalue()


def bomb_gzip() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join([*(packer.compress(bytes(MB)) for _ in range(300)), packer.flush()])


def bomb_docx() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("word/document.xml", "w") as member:
        member.write(b"<document><p>")
        for _ in range(300):
            member.write(b" " * MB)
    return file.getvalue()


def docx_of(document: str) -> bytes:
    return office_files.docx("", document=document)


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + at)} "{f"&{chr(97 + at)};" * 10}">' for at in range(9))
    + "]><d><t>&j;</t></d>"
)
EXTERNAL = '<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]><document><p><t>&a;</t></p></document>'


def pdf_with_a_loop() -> bytes:
    return office_files.pdf("page").replace(b"/Kids [5 0 R]", b"/Kids [2 0 R]")


def pdf_of_many_pages() -> bytes:
    return office_files.pdf(*(f"this is page {at}" for at in range(10_000)))


def pdf_bomb() -> bytes:
    once = zlib.compress(bytes(400 * MB), 9)
    return (
        b"%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>endobj\n"
        b"4 0 obj<</Filter/FlateDecode/Length %d>>stream\n%b\nendstream endobj\ntrailer<</Root 1 0 R>>"
        % (len(once), once)
    )


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(MB))) + chunk(b"IEND", b"")
    )


def tiff_of_many_frames() -> bytes:
    file = io.BytesIO()
    frame = Image.new("1", (100, 100))
    frame.save(file, "TIFF", save_all=True, append_images=[frame] * 999)
    return file.getvalue()


def tar_that_claims_much() -> bytes:
    import tarfile

    entry = tarfile.TarInfo("much.txt")
    entry.size = 50_000_000_000
    return entry.tobuf(tarfile.GNU_FORMAT) + bytes(10_240)


def zip_of_many() -> bytes:
    return office_files.zipped({f"{at}.txt": "x" for at in range(20_000)})


@pytest.mark.parametrize(
    ("make", "outcomes"),
    [
        (bomb_zip, {"text ", "text inflates_too_much", "failed inflates_too_much"}),
        (bomb_gzip, {"text ", "failed inflates_too_much"}),
        (bomb_docx, {"failed inflates_too_much"}),
        (lambda: docx_of(LAUGHS), {"failed doctype_refused"}),
        (lambda: docx_of(EXTERNAL), {"failed doctype_refused"}),
        (lambda: docx_of("<a>" * 100_000), {"failed nested_too_deep"}),
        (zip_of_many, {"text too_many_members"}),
        (tar_that_claims_much, {"failed broken", "empty ", "text "}),
        (pdf_with_a_loop, {"failed broken", "failed time_out", "empty ", "skipped ocr_unavailable"}),
        (pdf_of_many_pages, {"text "}),
        (pdf_bomb, {"empty ", "failed out_of_memory", "failed time_out", "failed crashed", "failed broken"}),
        (lambda: png_header(30_000, 30_000), {"skipped too_many_pixels"}),
        (lambda: png_header(3_000, 3_000), {"failed broken", "empty ", "skipped ocr_unavailable"}),
        (tiff_of_many_frames, {"empty ", "skipped ocr_unavailable"}),
        (lambda: b"%PDF-1.7\n" + bytes(100_000), {"failed broken"}),
        (lambda: b"PK\x03\x04" + bytes(1000), {"failed broken"}),
        (lambda: xlsb("x", last_row=2**20 - 1, last_column=2**14 - 1), {"failed crashed"}),
        (lambda: xls("x", cells=((65_535, 255, "far", 0),)), {"text "}),
        (lambda: WELL[: len(WELL) // 2], {"failed broken"}),
        (lambda: b"\x1f\x8b" + bytes(100), {"failed broken"}),
    ],
)
def test_it_ends_in_time_with_a_clear_outcome(keeper: Keeper, make: Callable[[], bytes], outcomes: set[str]) -> None:
    data = make()
    began = time.monotonic()
    kept = keep(keeper, data)
    assert time.monotonic() - began < QUICK.seconds + QUICK.ocr.seconds + 5
    assert f"{kept.extraction.outcome.value} {kept.extraction.reason}" in outcomes
    assert "root:" not in kept.extraction.text
    assert keep(keeper, WELL).extraction.text.startswith("all is well")


@pytest.mark.parametrize(
    ("make", "outcomes"),
    [
        (lambda: office_files.pdf_of_nested_forms(levels=10, times=10), {"failed time_out", "text "}),
        (lambda: office_files.pdf_of_a_slow_shading(steps=5_000), {"skipped time_out", "failed time_out"}),
    ],
    ids=["text", "picture"],
)
def test_a_pdf_that_takes_minutes_ends_at_its_limit(
    folder: Path, make: Callable[[], bytes], outcomes: set[str]
) -> None:
    """Bare, each keeps pdfium busy for over 33 s; pypdf gives the first up after some seconds, with what it has."""
    require_program("tesseract")
    data, limits = make(), Limits(seconds=4.0, engine_seconds=1.5, ocr=Ocr(seconds=1.0))
    keeper = Keeper(Pool(1, temp_dir=folder), limits, folder)
    try:
        began = time.monotonic()
        kept = keep(keeper, data)
        assert time.monotonic() - began < limits.seconds + limits.ocr.seconds + 2
        assert f"{kept.extraction.outcome.value} {kept.extraction.reason}" in outcomes
        assert keep(keeper, WELL).extraction.text.startswith("all is well")
    finally:
        keeper.close()


@pytest.mark.parametrize("make", WHOLE)
def test_what_is_whole_is_read_in_the_sandbox(keeper: Keeper, make: Callable[[], bytes]) -> None:
    require_program("tesseract")
    found = keep(keeper, make()).extraction
    assert (found.outcome, found.reason) == (Extracted.TEXT, "")
    assert found.text


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_to_a_file_has_an_outcome(keeper: Keeper, data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from([make() for make in WHOLE]))
    damaged = bytearray(whole)
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=20)):
        damaged[at] = data.draw(st.integers(0, 255))
    assert keep(keeper, bytes(damaged)).extraction.outcome in Extracted


@pytest.mark.parametrize(
    "filename", ["../../etc/passwd", "a\u202egpj.exe", "n" * 5_000 + ".docx", "a/b\\c.docx", " .docx. ", ""]
)
def test_names_decide_nothing(keeper: Keeper, filename: str) -> None:
    kept = keep(keeper, WELL, filename)
    assert kept.extraction.text.startswith("all is well")
    assert len(kept.filename.encode()) <= 255
    assert not set("/\\\u202e\0") & set(kept.filename)


def test_a_thousand_attachments_in_one_mail_are_all_kept(keeper: Keeper) -> None:
    part = b"--b\nContent-Type: text/plain; name=a.txt\nContent-Disposition: attachment\n\nwords\n"
    raw = b'Content-Type: multipart/mixed; boundary="b"\n\n' + part * 998 + b"--b--\n"
    kept = [keeper.keep(each) for each in parse(raw).parts]
    assert len(kept) == 998
    assert {each.extraction.text for each in kept} == {"words"}


def test_an_attachment_of_200_mb_is_described_and_never_decoded(keeper: Keeper, folder: Path) -> None:
    raw = mail_with(b"", "big.bin").replace(b"\n\n\n--b--", b"\n\n" + b"AAAA" * 50 * MB + b"\n--b--")
    (part,) = parse(raw).parts
    kept = keeper.keep(part)
    assert (kept.extraction.outcome, kept.extraction.reason) == (Extracted.SKIPPED, "too_large")
    assert kept.size_bytes > 140 * MB
    assert kept.sha256 == ""


def test_garbage_for_base64_is_kept_for_what_it_is(keeper: Keeper) -> None:
    raw = mail_with(b"x", "a.docx").replace(base64.encodebytes(b"x"), b"!!!! no base64 at all ????\n")
    (part,) = parse(raw).parts
    assert keeper.keep(part).extraction.outcome in Extracted
