"""What an archive or an OLE file really is, by what lies inside: office files of both ages look alike from outside.

Runs in a child process: a directory of members is as hostile as any other content.
"""

import re
import zipfile

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

WORD_MAIN = re.compile(r"word/document\d{0,3}\.xml")  # SharePoint writes document2.xml
_BY_MEMBER = (("xl/workbook.xml", XLSX), ("ppt/presentation.xml", PPTX))
# Names of streams in an OLE directory, in UTF-16.
_BY_STREAM = (
    ("EncryptedPackage", "encrypted"),
    ("WordDocument", "application/msword"),
    ("Workbook", "application/vnd.ms-excel"),
    ("PowerPoint Document", "application/vnd.ms-powerpoint"),
    ("__properties_version1.0", "application/vnd.ms-outlook"),
)
OLE_LOOK_BYTES = 4 * 1024 * 1024  # of the file, from its end and its beginning, where its directory is looked for


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
    with content.open() as file:
        looked_at = file.read(OLE_LOOK_BYTES)
        if content.size_bytes > 2 * OLE_LOOK_BYTES:
            file.seek(-OLE_LOOK_BYTES, 2)
        looked_at += file.read(OLE_LOOK_BYTES)
    for stream, media_type in _BY_STREAM:
        if stream.encode("utf-16-le") in looked_at:
            if media_type == "encrypted":
                raise NotExtractedError("encrypted", outcome=Extracted.SKIPPED)
            return media_type
    return OLE
