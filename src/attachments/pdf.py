"""Text of PDF files: pdfium first, pypdf where that fails, hangs or finds nothing, OCR for pages without text.

Both readers open a file whose password is empty. pdfium is fast (84 ms for 99 of 100 files) but may hang or crash on
hostile ones, so it runs in a fork with a time of its own.
"""

import re
from collections.abc import Callable
from typing import Any

from src.attachments import pdf_pages
from src.attachments.bounded_call import call_within
from src.attachments.extractor import Content, NotExtractedError
from src.attachments.finish import finished
from src.attachments.limits import Limits
from src.attachments.ocr import OcrUnavailableError, Reader
from src.model.extraction import Extracted, Extraction

LEAST_CHARS = 8  # a page with fewer has no usable text: it is a scan, perhaps with a stamped number
_DATE = re.compile(r"D:(\d{4})(\d\d)?(\d\d)?")  # ISO 32000-1 section 7.9.4


class Pdf:
    """Plays `Extractor` for PDF."""

    def extract(self, data: Content, limits: Limits) -> Extraction:
        found = _texts(data, limits)
        texts: list[str] = found["texts"]
        known: dict[str, str | int] = {
            "pages": found["pages"],
            "title": found["title"],
            "author": found["author"],
            "created": _as_iso_date(found["created"]),
        }
        reader = Reader.of(limits, data.budget.ends_at)
        unread = _read_scans(data, texts, reader)
        if reader.pages_read:
            known["ocr_pages"] = reader.pages_read
        was_cut = reader.is_cut or found["pages"] > len(texts)
        return finished("\n\n".join(texts), limits, known, was_cut=was_cut, unread=unread)


def _read_scans(data: Content, texts: list[str], reader: Reader) -> NotExtractedError | None:
    """Put in what OCR reads of the pages without text; return why a page was not read, if one was not.

    A page that cannot be rendered or read costs itself; without OCR no page is tried any further.
    """
    unread: NotExtractedError | None = None
    for at in [at for at, text in enumerate(texts) if len(text.strip()) < LEAST_CHARS]:
        if not reader.has_room():
            break
        try:
            texts[at] = pdf_pages.read_by_ocr(data, at, reader) or texts[at]
        except OcrUnavailableError as error:
            return error
        except NotExtractedError as error:
            unread = error
    return unread


def _texts(data: Content, limits: Limits) -> dict[str, Any]:
    pdf_pages.load_libraries()
    try:
        found = _within(data, limits, pdf_pages.by_pdfium)
        if any(text.strip() for text in found["texts"]):
            return found
    except NotExtractedError as error:
        if error.reason == "encrypted":
            raise NotExtractedError("encrypted", outcome=Extracted.SKIPPED) from error
        found = {}
    try:
        second = _within(data, limits, pdf_pages.by_pypdf)
    except NotExtractedError:
        if not found:
            raise
        return found  # a scan: pdfium opened it, and there is no text
    return second if any(text.strip() for text in second["texts"]) or not found else found


def _within(data: Content, limits: Limits, read: Callable[[Content, Limits], dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = call_within(data.budget.left_s(limits.engine_seconds), read, data, limits)
    return found


def _as_iso_date(value: str) -> str:
    found = _DATE.match(value)
    return "-".join(part for part in found.groups() if part) if found else ""
