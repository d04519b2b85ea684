"""What reads each kind of file bare: the library or program itself, as a few lines of somebody's script would call it.

No bounds, no sandbox, no look at what the file is, no clean text, no properties: each returns the words. Where our
extractor stands on no library of its own (EPUB, mails as files), it is itself what is called, in this process.
"""

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from xml.parsers import expat

from src.attachments.child import _with_mail_parser
from src.attachments.extractor import Budget, Content
from src.attachments.limits import DEFAULT
from src.attachments.take_out import take_out

SCAN_DPI = 300
OCR = "--psm 3"

_READERS = _with_mail_parser()


def walked(xml: bytes, texts: Iterable[str], ends: Iterable[str]) -> str:
    """Return the text inside the elements `texts`, with a line end after each of `ends`, by expat."""
    wanted, lines = frozenset(texts), frozenset(ends)
    pieces: list[str] = []
    is_text = False

    def start(name: str, _attributes: object) -> None:
        nonlocal is_text
        is_text = name in wanted

    def text(data: str) -> None:
        if is_text:
            pieces.append(data)

    def end(name: str) -> None:
        nonlocal is_text
        is_text = False
        if name in lines:
            pieces.append("\n")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.CharacterDataHandler = text
    parser.EndElementHandler = end
    parser.Parse(xml, True)
    return "".join(pieces)


def _docx(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return walked(archive.read("word/document.xml"), ["w:t"], ["w:p"])


def _pptx(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        slides = [name for name in archive.namelist() if name.startswith(("ppt/slides/slide", "ppt/notesSlides/n"))]
        return "\n".join(walked(archive.read(name), ["a:t"], ["a:p"]) for name in slides)


def _odt(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return walked(archive.read("content.xml"), ["text:p", "text:span"], ["text:p"])


def _xlsx(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        strings = walked(archive.read("xl/sharedStrings.xml"), ["t"], ["si"]).split("\n")
        return "\n".join(
            _sheet(archive.read(name), strings) for name in archive.namelist() if name.startswith("xl/worksheets/")
        )


def _sheet(xml: bytes, strings: list[str]) -> str:
    """Return the cells of a sheet, dates as the numbers that they are stored as."""
    pieces: list[str] = []
    kind, is_value = "", False

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal kind, is_value
        if name == "c":
            kind = attributes.get("t", "")
        is_value = name in ("v", "t")

    def text(data: str) -> None:
        if is_value:
            pieces.append(strings[int(data)] if kind == "s" else data)

    def end(name: str) -> None:
        nonlocal is_value
        is_value = False
        if name == "c":
            pieces.append("\t")
        elif name == "row":
            pieces.append("\n")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.CharacterDataHandler = text
    parser.EndElementHandler = end
    parser.Parse(xml, True)
    return "".join(pieces)


def _rtf(data: bytes) -> str:
    from striprtf.striprtf import rtf_to_text

    text: str = rtf_to_text(data.decode("latin-1"), errors="ignore")  # type: ignore[no-untyped-call]
    return text


def _pdf(data: bytes) -> str:
    import pypdfium2

    with pypdfium2.PdfDocument(data) as document:
        return "\n".join(page.get_textpage().get_text_range() for page in document)


def _pdf_scan(data: bytes) -> str:
    import pypdfium2
    import pytesseract

    with pypdfium2.PdfDocument(data) as document:
        pictures = [page.render(scale=SCAN_DPI / 72, grayscale=True).to_pil() for page in document]
    return "\n".join(pytesseract.image_to_string(picture, lang="eng", config=OCR) for picture in pictures)


def _picture(data: bytes) -> str:
    import pytesseract
    from PIL import Image

    with Image.open(io.BytesIO(data)) as picture:
        text: str = pytesseract.image_to_string(picture, lang="eng", config=OCR)
    return text


def _zip(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return "\n".join(archive.read(name).decode() for name in archive.namelist())


def _tar(data: bytes) -> str:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        files = (archive.extractfile(each) for each in archive)
        return "\n".join(file.read().decode() for file in files if file is not None)


def _ours(data: bytes) -> str:
    content = Content("application/octet-stream", "", len(data), data=data, budget=Budget.of(DEFAULT), filename="a.eml")
    return take_out(content, DEFAULT, _READERS).text


READERS: dict[str, Callable[[bytes], str]] = {
    "docx": _docx,
    "xlsx": _xlsx,
    "pptx": _pptx,
    "odt": _odt,
    "epub": _ours,
    "rtf": _rtf,
    "pdf": _pdf,
    "pdf_scan": _pdf_scan,
    "picture": _picture,
    "zip": _zip,
    "tar": _tar,
    "mail": _ours,
}
