"""Text from attachments that are text: text/plain, csv, calendars, patches, delivery reports and the like."""

from src.attachments.extractor import Content
from src.attachments.limits import Limits
from src.model.extraction import Extracted, Extraction
from src.text import charsets
from src.text.normalise import clean, cut

BYTES_PER_CHAR = 4  # most bytes that one character takes in any allowed charset
PROBE_BYTES = 8 * 1024  # where a NUL tells that a file is no text, as git does it
_WIDE = (b"\xff\xfe", b"\xfe\xff")  # byte order marks of UTF-16 and UTF-32, whose ASCII holds NULs


class PlainText:
    """Plays `Extractor` for text."""

    def extract(self, data: Content, limits: Limits) -> Extraction:
        head = data.first(limits.text_chars * BYTES_PER_CHAR)
        charset = data.charset
        if head.startswith(_WIDE):
            charset = "utf-16"
        elif b"\0" in head[:PROBE_BYTES] and not charset.startswith(("utf-16", "utf-32", "ucs")):
            return Extraction(Extracted.SKIPPED, reason="binary_content")
        found = charsets.decode(head, charset, is_cut=len(head) < data.size_bytes)
        text, was_cut = cut(clean(found.text).strip(), limits.text_chars)
        return as_extraction(text, was_cut=was_cut or len(head) < data.size_bytes, charset=found.charset)


def as_extraction(text: str, *, was_cut: bool, charset: str) -> Extraction:
    """Return `text`, already normalised and cut, as an Extraction."""
    if not text:
        return Extraction(Extracted.EMPTY)
    return Extraction(Extracted.TEXT, text=text, truncated=was_cut, metadata={"charset": charset})
