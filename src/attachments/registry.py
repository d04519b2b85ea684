"""Which extractor or container reads which media type: one line each, the first that fits is taken.

The media type is what the content is (`sniff.py`), not what it was declared to be. `here` says that reading is linear
in time and memory, so that the worker does it itself; everything else is read in a child process. Modules named here
load their libraries when they are first used, so that a worker does not pay for what only its children need.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from src.attachments.calamine_sheets import CalamineSheets
from src.attachments.cards import Cards
from src.attachments.compressed_file import Compressed
from src.attachments.docx import Docx
from src.attachments.epub import Epub
from src.attachments.extractor import Container, Extractor
from src.attachments.html import Html
from src.attachments.inside import DOCX, EPUB, EXCEL, OPENDOCUMENT, OUTLOOK, POWERPOINT, PPTX, WORD, XLSB, XLSX
from src.attachments.mail_file import MailFile
from src.attachments.odf import OpenDocument
from src.attachments.old_office import OldOffice
from src.attachments.outlook_message import OutlookMessage
from src.attachments.pdf import Pdf
from src.attachments.pictures import Picture
from src.attachments.plain_text import PlainText
from src.attachments.pptx import Pptx
from src.attachments.rtf import Rtf
from src.attachments.sniff import EXECUTABLE, MEDIA, OLE, TNEF, ZIP
from src.attachments.tar_file import TarArchive
from src.attachments.tnef import Tnef
from src.attachments.xlsx import Xlsx
from src.attachments.zip_file import ZipArchive
from src.model.extraction import Extracted, Extraction

VERSION = 4  # raise it when an extractor finds more than before: texts of an older version are not used again


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One line of the registry. No two are equal, so that a whole registry is quickly found in a cache."""

    pattern: str  # of media types, lower case
    reader: Extractor | Container | None  # None: known, and deliberately not read, for `reason`
    here: bool = False
    reason: str = ""


MAIL = "message/rfc822"

REGISTRY: tuple[Line, ...] = (
    Line("text/html", Html(), here=True),
    Line("application/xhtml+xml", Html(), here=True),
    Line("text/calendar", Cards(), here=True),
    Line("text/vcard", Cards(), here=True),
    Line("text/x-vcard", Cards(), here=True),
    Line("text/directory", Cards(), here=True),
    Line("text/*", PlainText(), here=True),
    Line("application/pdf", Pdf()),
    Line(DOCX, Docx()),
    Line(XLSX, Xlsx()),
    Line(PPTX, Pptx()),
    Line(OPENDOCUMENT + "*", OpenDocument()),
    Line(EPUB, Epub()),
    Line("application/rtf", Rtf()),
    Line("image/*", Picture()),
    Line(ZIP, ZipArchive()),
    Line(WORD, OldOffice("catdoc", ("-w", "-d", "utf-8"))),
    Line(EXCEL, CalamineSheets()),
    Line(XLSB, CalamineSheets()),
    Line(POWERPOINT, OldOffice("catppt")),
    Line(OUTLOOK, OutlookMessage()),
    Line(TNEF, Tnef()),
    Line(OLE, OldOffice("")),
    Line("application/x-tar", TarArchive()),
    Line("application/gzip", Compressed()),
    Line("application/x-bzip2", Compressed()),
    Line("application/x-xz", Compressed()),
    Line(MAIL, MailFile()),
    Line(EXECUTABLE, None, reason="executable"),
    Line(MEDIA, None, reason="media"),
    Line("message/delivery-status", PlainText(), here=True),
    Line("message/disposition-notification", PlainText(), here=True),
)


def outcome_unread(line: Line | None) -> Extraction:
    """Return what is stored of content that nothing here reads, or that deliberately is not."""
    return Extraction(Extracted.SKIPPED, reason=(line.reason if line else "") or "unsupported_type")


@lru_cache(maxsize=256)
def line_for(content_type: str, registry: tuple[Line, ...] = REGISTRY) -> Line | None:
    """Return the line for a media type (lower case); None if nothing here reads it."""
    return next((line for line in registry if fnmatchcase(content_type, line.pattern)), None)
