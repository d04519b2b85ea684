"""What reads each kind of file bare: the library or program itself, as a few lines of somebody's script would call it.

No bounds, no sandbox, no look at what the file is, no clean text, no properties: each returns the words. The libraries
of office files are those that people use; ours stands on none of them. Where none has a fit licence (EPUB), or
our own parser is the point (mails as files), our reader itself is called, in this process.
"""

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import docx
import odf.opendocument
import openpyxl
import pptx
import pypdfium2
import pytesseract
from docx.table import Table
from odf.teletype import extractText
from odf.text import H, P
from PIL import Image
from pptx.enum.shapes import MSO_SHAPE_TYPE
from python_calamine import CalamineWorkbook
from striprtf.striprtf import rtf_to_text

from src.attachments.child import _with_mail_parser
from src.attachments.extractor import Budget, Content
from src.attachments.limits import DEFAULT
from src.attachments.take_out import take_out

SCAN_DPI = 300
OCR = "--psm 3"

_READERS = _with_mail_parser()


def _docx(data: bytes) -> str:
    document = docx.Document(io.BytesIO(data))
    beside = [part for section in document.sections for part in (section.header, section.footer)]
    return "\n".join(_block(block) for part in (document, *beside) for block in part.iter_inner_content())


def _block(block: Any) -> str:
    """Return the text of a paragraph or table of python-docx."""
    if not isinstance(block, Table):
        return str(block.text)
    return "\n".join("\t".join(cell.text for cell in row.cells) for row in block.rows)


def _xlsx(data: bytes) -> str:
    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    rows = (row for sheet in book.worksheets for row in sheet.iter_rows(values_only=True))
    return "\n".join(_row(row) for row in rows)


def _xls(data: bytes) -> str:
    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    return "\n".join(_row(row) for name in book.sheet_names for row in book.get_sheet_by_name(name).to_python())


def _row(cells: Iterable[object]) -> str:
    return "\t".join(str(value) for value in cells if value is not None)


def _pptx(data: bytes) -> str:
    slides = pptx.Presentation(io.BytesIO(data)).slides
    return "\n".join(text for slide in slides for text in (*_texts_of(slide.shapes), *_notes(slide)))


def _texts_of(shapes: Iterable[Any]) -> Iterator[str]:
    for shape in shapes:
        if shape.shape_type == MSO_SHAPE_TYPE.GROUP:
            yield from _texts_of(shape.shapes)
        elif shape.has_text_frame:
            yield shape.text_frame.text
        elif getattr(shape, "has_table", False):
            yield from (cell.text for row in shape.table.rows for cell in row.cells)


def _notes(slide: Any) -> Iterator[str]:
    if slide.has_notes_slide:
        yield slide.notes_slide.notes_text_frame.text


def _odt(data: bytes) -> str:
    document = odf.opendocument.load(io.BytesIO(data))
    return "\n".join(extractText(found) for kind in (H, P) for found in document.getElementsByType(kind))


def _rtf(data: bytes) -> str:
    text: str = rtf_to_text(data.decode("latin-1"), errors="ignore")  # type: ignore[no-untyped-call]
    return text


def _pdf(data: bytes) -> str:
    with pypdfium2.PdfDocument(data) as document:
        return "\n".join(page.get_textpage().get_text_range() for page in document)


def _pdf_scan(data: bytes) -> str:
    with pypdfium2.PdfDocument(data) as document:
        pictures = [page.render(scale=SCAN_DPI / 72, grayscale=True).to_pil() for page in document]
    return "\n".join(pytesseract.image_to_string(picture, lang="eng", config=OCR) for picture in pictures)


def _picture(data: bytes) -> str:
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
    "xls": _xls,
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
