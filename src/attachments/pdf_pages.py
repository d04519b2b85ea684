"""The pages of a PDF, by either reader: texts up to the limits, or one page rendered for OCR."""

import os
import tempfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from src.attachments.bounded_call import call_within
from src.attachments.extractor import Content, NotExtractedError
from src.attachments.limits import Limits
from src.attachments.ocr import Reader, is_too_small, shrinking

POINTS_PER_INCH = 72
RENDER_SECONDS = 8.0  # of one page, besides what OCR may take
FASTEST = 1  # of zlib: the picture lives for a second
_LOCKED = (4, 5)  # FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY of pdfium


def load_libraries() -> None:
    """Load them before a process forks for each file: loading takes 40 times as long as reading a small one."""
    for library in ("pypdfium2", "PIL.PngImagePlugin"):
        import_module(library)


def by_pdfium(data: Content, limits: Limits) -> dict[str, Any]:
    """Return texts, number of pages and properties, read by pdfium."""
    import pypdfium2

    document = _opened_by_pdfium(data)
    texts, room = [], limits.text_chars + 1  # one more, to know that there is more
    for at in range(min(len(document), limits.pdf_pages)):
        text = _text_by_pdfium(document, at, room)
        texts.append(text)
        room -= len(text)
        if room <= 0:
            break
    told: dict[str, str]
    try:
        told = document.get_metadata_dict()
    except pypdfium2.PdfiumError:
        told = {}
    return {
        "texts": [_scrubbed(text) for text in texts],
        "pages": len(document),
        "title": _scrubbed(told.get("Title", "")),
        "author": _scrubbed(told.get("Author", "")),
        "created": _scrubbed(told.get("CreationDate", "")),
    }


def _text_by_pdfium(document: Any, at: int, room: int) -> str:
    """Return the text of one page; none for a page that is broken, which costs the others nothing."""
    import pypdfium2

    try:
        page = document[at]
        found = page.get_textpage()
        text: str = found.get_text_range(0, min(found.count_chars(), room)) if found.count_chars() > 0 else ""
        found.close()
        page.close()
    except pypdfium2.PdfiumError:
        return ""
    return text


def by_pypdf(data: Content, limits: Limits) -> dict[str, Any]:
    """Return the same, read by pypdf."""
    import pypdf

    with data.open() as file:
        reader = pypdf.PdfReader(file, strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise NotExtractedError("encrypted")
        texts, room = [], limits.text_chars + 1  # one more, to know that there is more
        for page in reader.pages[: limits.pdf_pages]:
            text = page.extract_text()[:room]
            texts.append(text)
            room -= len(text)
            if room <= 0:
                break
        told: Mapping[str, object] = reader.metadata or {}
        return {
            "texts": [_scrubbed(text) for text in texts],
            "pages": len(reader.pages),
            "title": _scrubbed(str(told.get("/Title", ""))),
            "author": _scrubbed(str(told.get("/Author", ""))),
            "created": _scrubbed(str(told.get("/CreationDate", ""))),
        }


def read_by_ocr(data: Content, at: int, reader: Reader) -> str:
    """Return what OCR reads on one page, which is rendered in a fork. Raises NotExtractedError."""
    descriptor, name = tempfile.mkstemp(suffix=".png")
    os.close(descriptor)
    try:
        seconds = min(RENDER_SECONDS, reader.left_s())
        was_rendered = call_within(seconds, _render, data, at, reader.limits, name)
        return _scrubbed(reader.read(Path(name))) if was_rendered else ""
    finally:
        Path(name).unlink(missing_ok=True)


def _render(data: Content, at: int, limits: Limits, name: str) -> bool:
    """Write a picture of a page to a file; return False for a page too small for a word."""
    page = _opened_by_pdfium(data)[at]
    scale = limits.ocr.dpi / POINTS_PER_INCH
    width, height = (side * scale for side in page.get_size())
    factor = shrinking(width, height, limits)
    if is_too_small(width * factor, height * factor):
        return False
    picture = page.render(scale=scale * factor, grayscale=True).to_pil()
    picture.save(name, compress_level=FASTEST)
    return True


def _opened_by_pdfium(data: Content) -> Any:
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(data.path if data.path is not None else data.data or b"")
    except pypdfium2.PdfiumError as error:
        if error.err_code in _LOCKED:
            raise NotExtractedError("encrypted") from error
        raise


def _scrubbed(text: str) -> str:
    """Return text that JSON can hold: lone surrogates occur."""
    return text.encode("utf-8", "replace").decode()
