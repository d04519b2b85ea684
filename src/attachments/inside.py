"""What an archive or an OLE file really is, by what lies inside: office files of both ages look alike from outside.

Runs in a child process: a directory of members is as hostile as any other content.
"""

import re
import struct
import zipfile
from collections.abc import Callable

from src.attachments.compound_file import CompoundFile
from src.attachments.extractor import Content, NotExtractedError
from src.attachments.sniff import OLE, ZIP
from src.model.extraction import Extracted

MAX_ENTRIES = 100_000  # of a ZIP's directory; Python takes 0.5 KB for each
MIMETYPE_BYTES = 200  # the first member of OpenDocument and EPUB files names their type

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
OPENDOCUMENT = "application/vnd.oasis.opendocument."
EPUB = "application/epub+zip"
WORD, EXCEL = "application/msword", "application/vnd.ms-excel"
POWERPOINT, OUTLOOK = "application/vnd.ms-powerpoint", "application/vnd.ms-outlook"

HEAD_BYTES = 512  # of a stream of an old office file, in which it says that it has a password
WORD_FLAGS_AT, WORD_ENCRYPTED = 11, 0x01
EXCEL_FILE_PASS = 0x002F  # a record
POWERPOINT_TOKEN_AT, POWERPOINT_ENCRYPTED = 12, b"\xdf\xc4\xd1\xf3"

WORD_MAIN = re.compile(r"word/document\d{0,3}\.xml")  # SharePoint writes document2.xml
_BY_MEMBER = (("xl/workbook.xml", XLSX), ("xl/workbook.bin", XLSB), ("ppt/presentation.xml", PPTX))
# Names of streams in the root of an OLE file, in lower case; the first that is there tells.
_BY_STREAM = (
    ("encryptedpackage", "encrypted"),
    ("worddocument", WORD),
    ("workbook", EXCEL),
    ("book", EXCEL),  # before Excel 97
    ("powerpoint document", POWERPOINT),
    ("__properties_version1.0", OUTLOOK),
)


def refined(content: Content, sniffed: str) -> Content:
    """Return the content under its media type, told apart where `sniffed` stands for many kinds. Raises
    NotExtractedError."""
    if sniffed == ZIP:
        return _of_zip(content)
    return content.as_type(_of_ole(content) if sniffed == OLE else sniffed)


def _of_zip(content: Content) -> Content:
    """Look at the directory; a ZIP in memory stays open for its reader, one in a file does not."""
    try:
        archive = content.open_zip()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise NotExtractedError("broken") from error
    if content.path is None:
        return content.as_type(_kind_of_zip(archive), archive)
    with archive:
        return content.as_type(_kind_of_zip(archive))


def _kind_of_zip(archive: zipfile.ZipFile) -> str:
    names = archive.namelist()
    if len(names) > MAX_ENTRIES:
        raise NotExtractedError("too_many_members")
    known = set(names)
    for member, media_type in _BY_MEMBER:
        if member in known:
            return media_type
    if any(WORD_MAIN.fullmatch(name) for name in names):
        return DOCX
    return _declared_inside(archive) if "mimetype" in known else ZIP


def _declared_inside(archive: zipfile.ZipFile) -> str:
    with archive.open("mimetype") as member:
        told = member.read(MIMETYPE_BYTES).decode("ascii", "replace").strip()
    return told if told.startswith(OPENDOCUMENT) or told == EPUB else ZIP


def _of_ole(content: Content) -> str:
    with CompoundFile(content) as compound:
        streams = compound.root.children
        kind = next((kind for name, kind in _BY_STREAM if name in streams), OLE)
        name, tells = _HAS_PASSWORD.get(kind, ("", bool))
        head = compound.read(streams[name], HEAD_BYTES) if name in streams else b""
        if kind == "encrypted" or tells(head):
            raise NotExtractedError("encrypted", outcome=Extracted.SKIPPED)
        return kind


def _word_has_password(head: bytes) -> bool:
    """Tell whether a Word file says so in its first bytes (MS-DOC section 2.5.2, fEncrypted)."""
    return len(head) > WORD_FLAGS_AT and bool(head[WORD_FLAGS_AT] & WORD_ENCRYPTED)


def _excel_has_password(head: bytes) -> bool:
    """Tell whether an Excel file says so in one of its first records (MS-XLS section 2.4.117, FilePass)."""
    at = 0
    while at + 4 <= len(head):
        number, length = struct.unpack_from("<HH", head, at)
        if number == EXCEL_FILE_PASS:
            return True
        at += 4 + length
    return False


def _powerpoint_has_password(head: bytes) -> bool:
    """Tell whether a PowerPoint file says so of its last edit (MS-PPT section 2.3.2, headerToken)."""
    return head[POWERPOINT_TOKEN_AT:].startswith(POWERPOINT_ENCRYPTED)


_HAS_PASSWORD: dict[str, tuple[str, Callable[[bytes], bool]]] = {
    WORD: ("worddocument", _word_has_password),
    EXCEL: ("workbook", _excel_has_password),
    POWERPOINT: ("current user", _powerpoint_has_password),
}
