"""What an archive or an OLE file really is, by what lies inside: office files of both ages look alike from outside.

Runs in a child process: a directory of members is as hostile as any other content.
"""

import re
import zipfile

from src.attachments.compound_file import CompoundFile, Entry
from src.attachments.extractor import Content, NotExtractedError
from src.attachments.sniff import OLE, ZIP
from src.model.extraction import Extracted

MAX_ENTRIES = 100_000  # of a ZIP's directory; Python takes 0.5 KB for each
MIMETYPE_BYTES = 200  # the first member of OpenDocument and EPUB files names their type

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
OPENDOCUMENT = "application/vnd.oasis.opendocument."
EPUB = "application/epub+zip"
WORD, EXCEL = "application/msword", "application/vnd.ms-excel"
POWERPOINT, OUTLOOK = "application/vnd.ms-powerpoint", "application/vnd.ms-outlook"

WORD_HEAD_BYTES = 12  # of the stream WordDocument, up to its flags
WORD_ENCRYPTED = 0x01  # of the last of them

WORD_MAIN = re.compile(r"word/document\d{0,3}\.xml")  # SharePoint writes document2.xml
_BY_MEMBER = (("xl/workbook.xml", XLSX), ("ppt/presentation.xml", PPTX))
# Names of streams in the root of an OLE file, in lower case; the first that is there tells.
_BY_STREAM = (
    ("encryptedpackage", "encrypted"),
    ("worddocument", WORD),
    ("workbook", EXCEL),
    ("book", EXCEL),  # before Excel 97
    ("powerpoint document", POWERPOINT),
    ("__properties_version1.0", OUTLOOK),
)


def refined(content: Content, sniffed: str) -> str:
    """Return the media type, told apart where `sniffed` stands for many kinds. Raises NotExtractedError."""
    if sniffed == ZIP:
        return _of_zip(content)
    if sniffed == OLE:
        return _of_ole(content)
    return sniffed


def _of_zip(content: Content) -> str:
    with content.open() as file:
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
            raise NotExtractedError("broken") from error
        with archive:
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
        kind = next((kind for stream, kind in _BY_STREAM if stream in streams), OLE)
        if kind == "encrypted" or (kind == WORD and _has_password(compound, streams["worddocument"])):
            raise NotExtractedError("encrypted", outcome=Extracted.SKIPPED)
        return kind


def _has_password(compound: CompoundFile, word: Entry) -> bool:
    """Tell whether a Word file says so in its first bytes (MS-DOC section 2.5.2, fEncrypted)."""
    head = compound.read(word, WORD_HEAD_BYTES)
    return len(head) == WORD_HEAD_BYTES and bool(head[WORD_HEAD_BYTES - 1] & WORD_ENCRYPTED)
