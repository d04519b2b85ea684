"""Every format: the text that a reader would expect is found, in several languages, with what else is worth knowing."""

import io
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from src.attachments.extractor import Budget, Content
from src.attachments.inside import EXCEL, refined
from src.attachments.limits import Limits
from src.attachments.old_office import OldOffice
from src.attachments.registry import Line
from src.attachments.sniff import OLE
from src.attachments.take_out import take_out
from src.attachments.xlsx_dates import Styles
from src.model.extraction import Extracted
from tests.fixtures import office_files
from tests.fixtures.compound_files import Storage, compound
from tests.fixtures.reading import read
from tests.fixtures.services import require_program

TEXTS = ["Grüße aus Köln", "Καλημέρα κόσμε", "Добрый день", "你好，世界", "مرحبا بالعالم", "naïve ☕ 🎉"]


@pytest.mark.parametrize("text", TEXTS)
def test_word_gives_everything_but_what_was_deleted(text: str) -> None:
    found = read(office_files.docx(text))
    assert found.outcome is Extracted.TEXT
    assert found.text.startswith(f"{text}\tbehind")
    for part in ("cell 1", "cell 2", "at the top", "at the foot"):
        assert part in found.text
    assert found.text.count("in a box") == 1
    assert "deleted" not in found.text
    known = {"title": "Bericht", "author": "Zoë", "created": "2026-01-02T03:04:05Z"}
    assert known.items() <= found.metadata.items()


@pytest.mark.parametrize("text", TEXTS)
def test_powerpoint_gives_slides_in_order_with_their_notes(text: str) -> None:
    found = read(office_files.pptx(text, *(f"slide {at}" for at in range(2, 12))))
    lines = found.text.split("\n")
    assert lines == [text, "said aloud", *(f"slide {at}" for at in range(2, 12))]
    assert found.metadata["slides"] == 11


@pytest.mark.parametrize("text", TEXTS)
def test_excel_gives_sheets_in_order_with_dates_as_people_read_them(text: str) -> None:
    found = read(office_files.xlsx(text))
    assert [line.rstrip("\t") for line in found.text.split("\n")] == [
        "Erstes",
        f"{text}\tinline\t42.5",
        "2025-01-01\t2025-01-01 12:00:00\tTRUE\tformula\t30:00:00",
        "please check",
        "Zweites",
        "7",
    ]
    assert found.metadata["sheets"] == 2


def test_excel_counts_from_1904_where_the_file_says_so() -> None:
    assert "2029-01-02\t2029-01-02 12:00:00" in read(office_files.xlsx("x", settings='<workbookPr date1904="1"/>')).text


@pytest.mark.parametrize(("from_1904", "last"), [(False, 2_958_465), (True, 2_957_003)])
def test_the_last_day_of_excel_is_a_date_and_the_next_a_number(from_1904: bool, last: int) -> None:
    styles = Styles(counts_from_1904=from_1904)
    styles.start("cellXfs", {})
    styles.start("xf", {"numFmtId": "14"})
    assert styles.shown(str(last), "0") == "9999-12-31"
    assert styles.shown(str(last + 1), "0") == str(last + 1)


def test_word_files_of_sharepoint_are_word_files() -> None:
    found = read(office_files.docx("Grüße", main="word/document2.xml"))
    assert found.text.startswith("Grüße\tbehind")
    assert "<" not in found.text


def test_what_was_moved_in_word_is_said_once() -> None:
    moved = '<w:{0} xmlns:w="urn:w"><w:r><w:t>moved</w:t></w:r></w:{0}>'
    found = read(office_files.docx("", document=f"<b>{moved.format('moveFrom')}{moved.format('moveTo')}</b>"))
    assert found.text.count("moved") == 1


@pytest.mark.parametrize(
    "word", ["MZ", "ID3", "GIF8", "BZh", "OggS", "fLaC", "1234ftyp", "12345678AVI ", "12345678WAVE"]
)
def test_text_that_begins_like_a_program_or_media_is_text(word: str) -> None:
    found = read(f"{word};Name;Ort".encode(), "list.csv", "text/csv")
    assert found.text == f"{word};Name;Ort"


@pytest.mark.parametrize("kind", ["text", "spreadsheet", "presentation"])
def test_opendocument_says_repeated_rows_once(kind: str) -> None:
    found = read(office_files.opendocument(TEXTS[1], kind))
    assert found.text == f"{TEXTS[1]}\none  two\nthree\ncell"
    assert found.metadata == {"title": "Bericht", "author": "Zoë"}


def test_opendocument_spreadsheets_give_names_and_what_cells_show_or_hold() -> None:
    shown = '<b:table-cell o:value-type="float" o:value="1234.5"><t:p>1.234,50 €</t:p></b:table-cell>'
    held = '<b:table-cell o:value-type="float" o:value="42"/>'
    dated = '<b:table-cell o:value-type="date" o:date-value="2026-01-02"><t:p/></b:table-cell>'
    long = "<b:table-cell><t:p>one</t:p><t:p>two</t:p></b:table-cell>"
    noted = "<b:table-cell><o:annotation><t:p>a note</t:p></o:annotation><t:p>text</t:p></b:table-cell>"
    signed = '<b:table-cell o:value="7"><o:annotation><o:creator>Ann</o:creator></o:annotation></b:table-cell>'
    found = read(office_files.spreadsheet(shown + held + dated, long + noted + signed))
    assert [line.rstrip("\t") for line in found.text.split("\n")] == [
        "Blatt 1",
        "1.234,50 €\t42\t2026-01-02",
        "one two\ta note text\t7",
        "Leer",
    ]


@pytest.mark.parametrize("content", ["content.xml", "encrypted-package"])
def test_opendocument_with_a_password_is_encrypted(content: str) -> None:
    manifest = '<m:manifest xmlns:m="urn:m"><m:file-entry><m:encryption-data/></m:file-entry></m:manifest>'
    kind = "application/vnd.oasis.opendocument.text"
    found = read(office_files.zipped({"mimetype": kind, "META-INF/manifest.xml": manifest, content: b"\x93\0" * 50}))
    assert (found.outcome, found.reason) == (Extracted.SKIPPED, "encrypted")


def test_a_book_is_read_in_the_order_of_its_spine() -> None:
    found = read(office_files.epub("first", "second", TEXTS[2]))
    assert found.text.split() == ["first", "second", *TEXTS[2].split()]
    assert found.metadata["title"] == "Buch"


def test_emoji_in_rtf_are_whole() -> None:
    assert read(rb"{\rtf1\ansi\uc1 Hi \u-10179?\u-8704? there}").text == "Hi 😀 there"


def test_rtf_in_another_alphabet() -> None:
    found = read(rb"{\rtf1\ansi\ansicpg1251{\fonttbl{\f0 Arial;}}\f0 Gr\'fc\u223?e \b bold\b0\par next}")
    assert found.outcome is Extracted.TEXT
    assert "bold" in found.text
    assert "next" in found.text


@pytest.mark.parametrize("declared", ["application/octet-stream", "application/pdf", "text/plain", "image/png"])
def test_a_pdf_is_a_pdf_whatever_it_is_called(declared: str) -> None:
    found = read(office_files.pdf("Quarterly figures", "second page"), "file.exe", declared)
    assert found.text.split("\n\n") == ["Quarterly figures", "second page"]
    assert found.metadata == {"pages": 2, "title": "Report", "author": "Zoe", "created": "2026-01-02"}


def test_a_program_called_pdf_is_a_program() -> None:
    found = read(b"MZ\x90\0" * 50, "invoice.pdf", "application/pdf")
    assert (found.outcome, found.reason) == (Extracted.SKIPPED, "executable")


def test_pages_of_a_pdf_beyond_the_limit_are_said_to_be_missing() -> None:
    found = read(office_files.pdf(*(f"this is page {at}" for at in range(5))), pdf_pages=2)
    assert found.truncated
    assert "page 1" in found.text
    assert "page 2" not in found.text
    assert found.metadata["pages"] == 5


@pytest.fixture
def tesseract(monkeypatch: pytest.MonkeyPatch) -> None:
    require_program("tesseract")
    monkeypatch.setenv("OMP_THREAD_LIMIT", "1")


def _picture(text: str, size: tuple[int, int] = (900, 120)) -> Image.Image:
    picture = Image.new("RGB", size, "white")
    ImageDraw.Draw(picture).text((20, 30), text, fill="black", font=ImageFont.load_default(48))
    return picture


def _saved(picture: Image.Image, format_: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, format_, **options)
    return file.getvalue()


@pytest.mark.usefixtures("tesseract")
@pytest.mark.parametrize("format_", ["PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP", "AVIF"])
def test_words_in_pictures_are_read(format_: str) -> None:
    found = read(_saved(_picture("Invoice number 4711"), format_))
    assert "Invoice number 4711" in found.text
    assert (found.metadata["width"], found.metadata["height"]) == (900, 120)


@pytest.mark.usefixtures("tesseract")
def test_a_turned_photo_is_righted() -> None:
    turned = _picture("Invoice number 4711").rotate(90, expand=True)  # a camera held upright says: turn it back
    exif = Image.Exif()
    exif[0x0112] = 6
    assert "4711" in read(_saved(turned, "JPEG", exif=exif, quality=95)).text


HEIC = Path(__file__).parents[2] / "fixtures" / "pictures"  # made once, since nothing here writes it


@pytest.mark.usefixtures("tesseract")
@pytest.mark.parametrize("brand", [b"heic", b"mif1"])
@pytest.mark.parametrize("name", ["invoice.heic", "turned.heic"])
def test_words_in_pictures_of_telephones_are_read(name: str, brand: bytes) -> None:
    found = read(_of_brand((HEIC / name).read_bytes(), brand), declared="image/jpeg")
    assert "Invoice number 4711" in found.text
    assert found.metadata["frames"] == 1


@pytest.mark.usefixtures("tesseract")
def test_avif_is_read_under_the_brand_that_it_shares_with_heic() -> None:
    found = read(_of_brand(_saved(_picture("Invoice number 4711"), "AVIF"), b"mif1"))
    assert "Invoice number 4711" in found.text


@pytest.mark.usefixtures("tesseract")
def test_all_frames_of_a_moving_avif_are_read() -> None:
    frames = [_picture(f"Sheet {word}") for word in ("alpha", "bravo")]
    data = _saved(frames[0], "AVIF", save_all=True, append_images=frames[1:])
    assert data[8:12] == b"avis"
    assert read(data).text.split() == ["Sheet", "alpha", "Sheet", "bravo"]


def _of_brand(data: bytes, brand: bytes) -> bytes:
    """Return a picture that names another major brand (ISO/IEC 14496-12 section 4.3)."""
    return data[:8] + brand + data[12:]


def test_a_heic_of_too_many_pixels_is_not_decoded() -> None:
    found = read((HEIC / "invoice.heic").read_bytes(), image_pixels=900 * 120 - 1)
    assert (found.outcome, found.reason) == (Extracted.SKIPPED, "too_many_pixels")


@pytest.mark.usefixtures("tesseract")
def test_all_pages_of_a_fax_are_read_up_to_the_limit() -> None:
    pages = [_picture(f"Sheet {word}") for word in ("alpha", "bravo", "charlie")]
    data = _saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert "alpha" in read(data).text
    assert "charlie" in read(data).text
    found = read(data, image_frames=2)
    assert "charlie" not in found.text
    assert found.truncated


@pytest.mark.usefixtures("tesseract")
def test_a_scanned_page_among_others_is_read_by_ocr() -> None:
    scan = _saved(_picture("Contract 2026 signed", (1200, 1600)), "PDF", resolution=150)
    found = read(scan)
    assert "Contract 2026 signed" in found.text
    assert found.metadata["ocr_pages"] == 1


def test_without_tesseract_it_is_said_and_the_rest_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    picture = read(_saved(_picture("words"), "PNG"))
    assert (picture.outcome, picture.reason) == (Extracted.SKIPPED, "ocr_unavailable")
    mixed = read(office_files.pdf("some text here", ""))
    assert (mixed.outcome, mixed.reason, mixed.text) == (Extracted.TEXT, "ocr_unavailable", "some text here")


@pytest.mark.parametrize(("size", "reason"), [((20, 20), "too_small_for_text"), ((8_000, 8_000), "too_many_pixels")])
def test_pictures_too_small_or_too_large_are_not_decoded(size: tuple[int, int], reason: str) -> None:
    found = read(_saved(Image.new("1", size), "PNG"))
    assert (found.outcome, found.reason) == (Extracted.SKIPPED, reason)


def test_members_of_a_zip_are_read_by_the_same_rules() -> None:
    inner = office_files.zipped({"deep.txt": "at the bottom"})
    data = office_files.zipped(
        {
            "Ordner/größe.txt": "Grüße",
            "report.docx": office_files.docx("in word"),
            "program.exe": b"MZ\x90\0",
            "inner.zip": inner,
        }
    )
    found = read(data)
    for word in ("größe.txt", "Grüße", "report.docx", "in word", "program.exe", "deep.txt", "at the bottom"):
        assert word in found.text
    assert found.metadata == {"members": 4, "members_left_out": 1}


def test_archives_are_opened_down_to_a_depth_only() -> None:
    data = b"the core"
    for level in range(6):
        data = office_files.zipped({f"level{level}.txt" if level == 0 else f"level{level}.zip": data})
    found = read(data)
    assert "the core" not in found.text
    assert found.metadata == {"members": 1, "members_left_out": 0}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_members_of_a_tar_are_read(mode: str) -> None:
    import tarfile

    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        for name, kind in (("notes.txt", tarfile.REGTYPE), ("link", tarfile.SYMTYPE), ("pipe", tarfile.FIFOTYPE)):
            entry = tarfile.TarInfo(f"../../{name}")
            entry.type = kind
            entry.linkname = "/etc/passwd"
            entry.size = 5 if kind == tarfile.REGTYPE else 0
            archive.addfile(entry, io.BytesIO(b"hello"))
    found = read(file.getvalue(), "x.tar")
    assert found.text == "notes.txt\nhello"


def test_a_compressed_file_is_read_under_its_name() -> None:
    import gzip

    found = read(gzip.compress("Grüße".encode()), "log.txt.gz")
    assert found.text == "log.txt\nGrüße"


def test_a_mail_as_a_file_is_read_with_its_attachments() -> None:
    inner = (
        b'Subject: The plan\nFrom: Ann <ann@example.org>\nContent-Type: multipart/mixed; boundary="b"\n\n'
        b"--b\n\nsee the sheet\n--b\nContent-Type: application/pdf\n"
        b'Content-Disposition: attachment; filename="a.pdf"\n\n' + office_files.pdf("figures inside") + b"\n--b--\n"
    )
    found = read(inner, "mail.eml")
    for word in ("The plan", "ann@example.org", "see the sheet", "a.pdf", "figures inside"):
        assert word in found.text


@pytest.mark.parametrize(
    ("data", "filename", "text"),
    [
        (b"BEGIN:VCALENDAR\r\nSUMMARY:Team meeting\r\nEND:VCALENDAR", "invite.ics", "SUMMARY: Team meeting"),
        (b"BEGIN:VCARD\r\nFN:Ann Example\r\nEND:VCARD", "ann.vcf", "FN: Ann Example"),
        ("a;größer\n1;2".encode("cp1252"), "t.csv", "a;größer"),
        (b"# Title\n\n*text*", "readme.md", "# Title"),
        (b"def main():\n    return 1\n", "main.py", "def main()"),
        (b'{"key": "value"}', "x.json", '"value"'),
        ("漢字".encode("utf-16"), "notes.txt", "漢字"),
    ],
)
def test_files_that_are_text_are_read_by_any_name(data: bytes, filename: str, text: str) -> None:
    assert text in read(data, filename).text


def test_old_word_files_are_read_by_catdoc(monkeypatch: pytest.MonkeyPatch) -> None:
    require_program("catdoc")
    without_words = compound({"WordDocument": b"\xec\xa5\xc1\0" + bytes(2000)})
    cut_off = without_words[:-512]  # its table of sectors is missing
    assert read(without_words).outcome is Extracted.EMPTY
    assert read(cut_off).reason == "broken"
    monkeypatch.setattr(shutil, "which", lambda _program: None)
    assert read(cut_off).reason == "reader_missing"


@pytest.mark.parametrize(
    ("script", "text", "reason"),
    [
        ("echo first; exec sleep 60", "first", "time_out"),
        ("exec sleep 60", "", "time_out"),
        ("exec yes", "y" + "\ny" * 47 + "\n[…]", ""),  # prints without end
        ("echo all", "all", ""),
    ],
)
def test_of_a_program_what_it_printed_in_its_time_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, text: str, reason: str
) -> None:
    (tmp_path / "slow").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "slow").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    began, limits = time.monotonic(), Limits(seconds=1.0, text_chars=100)
    line = Line("*", OldOffice("slow"))
    found = take_out(Content("", "", 1, data=b"\1", budget=Budget.of(limits)), limits, (line,))
    assert (found.text, found.reason) == (text, reason)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("streams", "outcome", "reason"),
    [
        ({"EncryptedPackage": b"x"}, Extracted.SKIPPED, "encrypted"),
        ({"WordDocument": bytes(11) + b"\x01"}, Extracted.SKIPPED, "encrypted"),
        (
            {"PowerPoint Document": b"x", "Current User": bytes(12) + b"\xdf\xc4\xd1\xf3"},
            Extracted.SKIPPED,
            "encrypted",
        ),
        ({"Unknown": b"x"}, Extracted.SKIPPED, "unsupported_type"),
        ({"Unknown": {"WordDocument": b"x"}}, Extracted.SKIPPED, "unsupported_type"),
    ],
)
def test_other_ole_files_are_told_apart(streams: Storage, outcome: Extracted, reason: str) -> None:
    found = read(compound(streams))
    assert (found.outcome, found.reason) == (outcome, reason)


@pytest.mark.parametrize("word", ["WordDocument", "EncryptedPackage", "__properties_version1.0"])
def test_words_in_an_old_office_file_do_not_tell_what_it_is(word: str) -> None:
    data = compound({"Workbook": word.encode("utf-16-le"), "embedded": {word: b"x"}})
    assert refined(Content("", "", len(data), data=data), OLE).content_type == EXCEL


@pytest.mark.parametrize("make", [office_files.docx, office_files.xlsx, office_files.epub, office_files.pdf])
def test_text_is_cut_at_the_limit_and_says_so(make: Callable[[str], bytes]) -> None:
    found = read(make("word " * 50), text_chars=100)
    assert found.truncated
    assert len(found.text) <= 100


def test_a_zip_with_a_password_keeps_the_names() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("secret.txt", "words")
    data = bytearray(file.getvalue())
    data[6] |= 1  # the flag of encryption, in the member's header and in the directory
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    found = read(bytes(data))
    assert found.text == "secret.txt"
