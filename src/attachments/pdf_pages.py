"""The pages of a PDF, by either reader: texts up to the limits, or one page rendered for OCR."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from src.attachments.bounded_call import call_within
from src.attachments.extractor import Content, NotExtractedError
from src.attachments.limits import Limits
from src.attachments.ocr import Reader, fitting

POINTS_PER_INCH = 72
RENDER_SECONDS = 8.0  # of one page, besides what OCR may take


def load_pdfium() -> None:
    """Load the library, before a process forks for each file: loading takes 40 times as long as reading a small one."""
    import_module("pypdfium2")


def by_pdfium(data: Content, limits: Limits) -> dict[str, Any]:
    """Return texts, number of pages and properties, read by pdfium."""
    import pypdfium2

    document = _opened_by_pdfium(data)
    texts, room = [], limits.text_chars + 1  # one more, to know that there is more
    for at in range(min(len(document), limits.pdf_pages)):
        page = document[at]
        found = page.get_textpage()
        text = found.get_text_range(0, min(found.count_chars(), room)) if found.count_chars() > 0 else ""
        found.close()
        page.close()
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
    """Return what OCR reads on one page."""

    reader.load()

    def read() -> str:
        limits = reader.limits
        page = _opened_by_pdfium(data)[at]
        width, height = page.get_size()
        scale = limits.ocr.dpi / POINTS_PER_INCH
        pixels = width * height * scale * scale
        if pixels > limits.render_pixels:
            scale *= (limits.render_pixels / pixels) ** 0.5
        return _scrubbed(reader.read(fitting(page.render(scale=scale, grayscale=True).to_pil(), limits)))

    try:
        text: str = call_within(reader.seconds_for_page() + RENDER_SECONDS, read)
    finally:
        reader.pages_read += 1  # the fork counted in a copy
    return text


def _opened_by_pdfium(data: Content) -> Any:
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(data.path if data.path is not None else data.data or b"")
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise NotExtractedError("encrypted") from error
        raise


def _scrubbed(text: str) -> str:
    """Return text that JSON can hold: lone surrogates occur."""
    return text.encode("utf-8", "replace").decode()
