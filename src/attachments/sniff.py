"""What an attachment is: by its first bytes, then by its declared type where that fits them, last by its name.

Programs declare what they like: a PDF comes as application/octet-stream, a program as invoice.pdf. So magic bytes win.
Archives and old office files share theirs: what lies inside tells them apart (`inside.py`), in the child process.
"""

import codecs
import re
from collections.abc import Callable, Sequence

HEAD_BYTES = 8 * 1024  # looked at

OCTETS, PDF = "application/octet-stream", "application/pdf"
ZIP, OLE = "application/zip", "application/x-ole-storage"
TNEF = "application/ms-tnef"  # winmail.dat
GZIP, BZIP2, XZ = "application/gzip", "application/x-bzip2", "application/x-xz"
EXECUTABLE, MEDIA = "application/x-executable", "video/x-media"

_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")  # ISO/IEC 23008-12, annex B
_AVIF_BRANDS = (b"avif", b"avis")

# Offset, magic bytes, media type; the first that fits.
_MAGIC = (
    (0, b"%PDF-", PDF),
    (0, b"PK\x03\x04", ZIP),
    (0, b"PK\x05\x06", ZIP),  # an empty one
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (8, b"WEBP", "image/webp"),
    *((4, b"ftyp" + brand, "image/heic") for brand in _HEIC_BRANDS),
    *((4, b"ftyp" + brand, "image/avif") for brand in _AVIF_BRANDS),
    (0, b"\x1f\x8b", GZIP),
    (4, b"1AY&SY", BZIP2),  # after BZh and a digit, of which texts hold more
    (4, b"\x17rE8P\x90", BZIP2),  # an empty one
    (0, b"\xfd7zXZ\0", XZ),
    (257, b"ustar", "application/x-tar"),
    (0, b"\x78\x9f\x3e\x22", TNEF),
    (0, b"MZ", EXECUTABLE),
    (0, b"\x7fELF", EXECUTABLE),
    (0, b"\xfe\xed\xfa", EXECUTABLE),
    (0, b"\xcf\xfa\xed\xfe", EXECUTABLE),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (4, b"ftyp", MEDIA),
    (0, b"OggS", MEDIA),
    (0, b"fLaC", MEDIA),
    (0, b"ID3", MEDIA),
    (8, b"WAVE", MEDIA),
    (8, b"AVI ", MEDIA),
    (0, b"\x1aE\xdf\xa3", MEDIA),
)
# Magic that a text may begin with as well ("MZ;Name", "ID3 tags explained"): the formats themselves all hold NULs here.
_SPELT = re.compile(rb"[A-Za-z0-9 ]+")


def _first_of(lines: Sequence[tuple[int, bytes, str]]) -> Callable[[bytes], str]:
    """Return what tells the media type of the first line that fits; empty if none does.

    One expression for all lines, in their order: an archive has thousands of members, and trying line by line takes
    longer than reading a short text does.
    """
    magic = re.compile(b"|".join(b"(.{%d}%b)" % (offset, re.escape(each)) for offset, each, _ in lines), re.S)
    types = ("", *(media_type for _, _, media_type in lines))

    def media_type(head: bytes) -> str:
        found = magic.match(head)
        return types[found.lastindex or 0] if found else ""

    return media_type


_by_magic = _first_of(_MAGIC)
_by_magic_of_text = _first_of([line for line in _MAGIC if not _SPELT.fullmatch(line[1])])
_PDF_WITHIN = 1024  # bytes; readers accept a PDF whose header comes a little late, if it is called one
_BITMAP = re.compile(rb"BM.{4}\0\0\0\0", re.S)
_MARKUP = re.compile(rb"\s*(?:<!--.{0,2000}?-->\s*)?<(?:!doctype html|html|head|body)\b", re.I | re.S)
_CARD = re.compile(rb"\s*BEGIN:(?:(VCALENDAR)|VCARD)\s*[\r\n]", re.I)
_CONTROLS = bytes([*range(9), 11, *range(14, 27), *range(28, 32)])
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")

# What a name tells where the bytes are text and the declared type says nothing of use.
_BY_NAME = {
    ".htm": "text/html",
    ".html": "text/html",
    ".xhtml": "text/html",
    ".ics": "text/calendar",
    ".vcf": "text/vcard",
    ".eml": "message/rfc822",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".md": "text/markdown",
}
_TEXT_BY_DECLARATION = ("text/", "message/", "application/xhtml+xml")
_TEXTUAL = ("application/json", "application/xml", "application/javascript", "application/x-sh", "application/sql")


def media_type_of(head: bytes, declared: str, filename: str) -> str:
    """Return the media type of what begins with `head` (at most `HEAD_BYTES` are looked at); `declared` in lower case.

    `OCTETS` is bytes of which nothing is known.
    """
    head = head[:HEAD_BYTES]
    by_magic = (_by_magic if b"\0" in head else _by_magic_of_text)(head)
    if by_magic:
        return by_magic
    suffix = _suffix_of(filename)
    if (declared == PDF or suffix == ".pdf") and b"%PDF-" in head[:_PDF_WITHIN]:
        return PDF
    if _BITMAP.match(head):
        return "image/bmp"
    if not is_text(head):
        return declared if declared.startswith(_TEXT_BY_DECLARATION) else OCTETS
    return _kind_of_text(head, declared, suffix)


def _suffix_of(filename: str) -> str:
    stem, dot, last = filename.rpartition(".")
    return (dot + last).lower() if stem else ""


def is_text(head: bytes) -> bool:
    """Tell whether bytes look like text, as git does it: no NUL, unless a byte order mark explains it."""
    return head.startswith(_BYTE_ORDER_MARKS) or b"\0" not in head


def _kind_of_text(head: bytes, declared: str, suffix: str) -> str:
    card = _CARD.match(head.removeprefix(codecs.BOM_UTF8))
    if card:
        return "text/calendar" if card[1] else "text/vcard"
    if declared.startswith(_TEXT_BY_DECLARATION) and declared not in ("text/plain", "text/rtf"):
        return declared
    if suffix in _BY_NAME:
        return _BY_NAME[suffix]
    if _MARKUP.match(head):
        return "text/html"
    if declared == "text/plain" or declared in _TEXTUAL or _is_mostly_printable(head):
        return "text/plain"
    return OCTETS


def _is_mostly_printable(head: bytes) -> bool:
    """Tell whether hardly any byte is a control character: a file without a telling type, such as source code."""
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return controls * 100 <= len(head)
