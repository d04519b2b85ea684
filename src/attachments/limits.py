"""The bounds of attachments, with unit and reason. A change of what they let through changes `recipe`: texts that were
taken out under other bounds are not used again."""

import hashlib
from dataclasses import astuple, dataclass, field, replace

MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Ocr:
    """How text is read from pictures."""

    languages: str = "eng"  # Tesseract's names, joined by +
    dpi: int = 300  # of a rendered PDF page; 200 reads a tenth faster and finds 2 % less
    pages: int = 20  # of one attachment
    seconds: float = 120.0  # for all pages of one attachment; those not read by then are left out


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for one attachment, with everything that is inside it."""

    memory_bytes: int = 10 * MB  # CONTRACT.md: up to here in memory, above it in a temporary file
    decoded_bytes: int = 50 * MB  # CONTRACT.md: above it never decoded, metadata only
    text_chars: int = MB  # text kept: 500 pages; full-text search past it helps nobody
    html_bytes: int = 8 * MB  # HTML source read; markup is 5 to 10 times its text
    inflated_bytes: int = 100 * MB  # what archives and office files may inflate to, counted while it streams
    members: int = 5_000  # of archives, nested ones included
    depth: int = 2  # of archives and mails inside each other
    xml_depth: int = 2_000
    cells: int = 1_000_000  # of a spreadsheet
    pdf_pages: int = 200  # whose text is read
    image_pixels: int = 50_000_000  # above it a picture is refused before it is decoded
    render_pixels: int = 25_000_000  # a page or picture is scaled to this for OCR
    image_frames: int = 10  # of a TIFF, WebP or GIF
    seconds: float = 20.0  # wall and CPU of one attachment, without OCR
    engine_seconds: float = 8.0  # of one of two readers of a format, so that the other has its turn
    address_space_bytes: int = 1_200 * MB  # of the child process
    ocr: Ocr = field(default_factory=Ocr)

    def recipe(self, version: int) -> str:
        """Name how a text is made: extractors of this `version` under these bounds, such as `2:9f3a1c2b`."""
        bounds = astuple(replace(self, memory_bytes=0))  # where the bytes lie changes nothing
        return f"{version}:{hashlib.blake2b(repr(bounds).encode(), digest_size=4).hexdigest()}"


DEFAULT = Limits()
