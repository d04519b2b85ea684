"""Which extractor reads which media type: one line each, the first that fits is taken."""

from fnmatch import fnmatchcase

from src.attachments.extractor import Extractor
from src.attachments.html import Html
from src.attachments.plain_text import PlainText

EXTRACTORS: tuple[tuple[str, Extractor | None], ...] = (
    ("text/html", Html()),
    ("application/xhtml+xml", Html()),
    ("text/rtf", None),  # text only by name
    ("text/*", PlainText()),
    ("message/delivery-status", PlainText()),
    ("message/disposition-notification", PlainText()),
)


def extractor_for(content_type: str) -> Extractor | None:
    """Return the extractor for a media type (lower case); None if nothing here reads it."""
    for pattern, extractor in EXTRACTORS:
        if fnmatchcase(content_type, pattern):
            return extractor
    return None
