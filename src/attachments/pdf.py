"""Text of PDF files: pdfium first, pypdf where that fails, hangs or finds nothing, OCR for pages without text.

Both readers open a file whose password is empty. pdfium is fast (84 ms for 99 of 100 files) but may hang or crash on
hostile ones, so it runs in a fork with a time of its own.
"""

import re
from typing import Any

from src.attachments import pdf_pages
from src.attachments.bounded_call import call_within
from src.attachments.extractor import Content, NotExtractedError
from src.attachments.finish import finished
from src.attachments.limits import Limits
from src.attachments.ocr import Reader
from src.model.extraction import Extraction

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
        reader, reason = Reader.of(limits), ""
        scanned = [at for at, text in enumerate(texts) if len(text.strip()) < LEAST_CHARS]
        try:
            for at in scanned:
                if not reader.has_room():
                    break
                texts[at] = pdf_pages.read_by_ocr(data, at, reader) or texts[at]
        except NotExtractedError as error:  # no OCR here, or a page that cannot be rendered: what has text is kept
            reason = error.reason
        if reader.pages_read:
            known["ocr_pages"] = reader.pages_read
        was_cut = reader.is_cut or found["pages"] > len(texts)
        return finished("\n\n".join(texts), limits, known, was_cut=was_cut, reason=reason)


def _texts(data: Content, limits: Limits) -> dict[str, Any]:
    pdf_pages.load_pdfium()
    try:
        found: dict[str, Any] = call_within(limits.engine_seconds, lambda: pdf_pages.by_pdfium(data, limits))
        if any(text.strip() for text in found["texts"]):
            return found
    except NotExtractedError as error:
        if error.reason == "encrypted":
            raise
        found = {}
    try:
        second: dict[str, Any] = call_within(limits.engine_seconds, lambda: pdf_pages.by_pypdf(data, limits))
    except NotExtractedError:
        if not found:
            raise
        return found  # a scan: pdfium opened it, and there is no text
    return second if any(text.strip() for text in second["texts"]) or not found else found


def _as_iso_date(value: str) -> str:
    found = _DATE.match(value)
    return "-".join(part for part in found.groups() if part) if found else ""
