"""Which extractor or container reads which media type: one line each, the first that fits is taken.

The media type is what the content is (`sniff.py`), not what it was declared to be. `here` says that reading is linear
in time and memory, so that the worker does it itself; everything else is read in a child process. Modules named here
load their libraries when they are first used, so that a worker does not pay for what only its children need.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from src.attachments.extractor import Container, Extractor
from src.attachments.html import Html
from src.attachments.plain_text import PlainText

VERSION = 1  # raise it when an extractor finds more than before: texts of an older version are not used again


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the registry."""

    pattern: str  # of media types, lower case
    reader: Extractor | Container | None  # None: known, and deliberately not read
    here: bool = False


REGISTRY: tuple[Line, ...] = (
    Line("text/html", Html(), here=True),
    Line("application/xhtml+xml", Html(), here=True),
    Line("text/rtf", None),
    Line("text/*", PlainText(), here=True),
    Line("message/delivery-status", PlainText(), here=True),
    Line("message/disposition-notification", PlainText(), here=True),
)


def line_for(content_type: str, registry: tuple[Line, ...] = REGISTRY) -> Line | None:
    """Return the line for a media type (lower case); None if nothing here reads it."""
    return next((line for line in registry if fnmatchcase(content_type, line.pattern)), None)
