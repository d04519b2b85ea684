"""Files as mails carry them, one of each kind that is read: with the text of a report, and some with that of a letter.

The same words for a seed.
"""

import base64
import io
import random
import tarfile
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

from scripts.bench import attachment_office_files as office
from scripts.bench import scans
from tests.fixtures import office_files

PARAGRAPH_WORDS = 60
LINES_OF_A_PAGE = 50
WORD = "kettle"  # in every file, so that both contenders can be seen to have read it


@dataclass(frozen=True, slots=True)
class Sample:
    """One file and what reads it bare."""

    name: str  # shown
    kind: str  # of `attachment_bare.READERS`
    filename: str
    data: bytes


class Samples:
    """Makes the files."""

    def __init__(self, seed: int = 1) -> None:
        self._rng = random.Random(seed)

    def all(self) -> list[Sample]:
        """Return one of each."""
        return [
            Sample("DOCX, 60 pages", "docx", "report.docx", office.word(self._words(400))),
            Sample("DOCX, a letter", "docx", "letter.docx", office.word(self._words(5))),
            Sample("XLSX, 60,000 cells", "xlsx", "figures.xlsx", office.excel(*self._figures(5_000))),
            Sample("XLSX, 240 cells", "xlsx", "list.xlsx", office.excel(*self._figures(20))),
            Sample("XLS, 60,000 cells", "xls", "figures.xls", office.old_excel(*self._figures(5_000))),
            Sample("PPTX, 80 slides", "pptx", "talk.pptx", office.powerpoint(self._slides(80))),
            Sample("ODT, 200 pages", "odt", "report.odt", office.opendocument(self._words(1_400))),
            Sample("EPUB, 30 chapters", "epub", "book.epub", self._epub(30)),
            Sample("RTF, 15 pages", "rtf", "report.rtf", self._rtf(100)),
            Sample("PDF, 100 pages of text", "pdf", "report.pdf", self._pdf(100)),
            Sample("PDF, a letter", "pdf", "letter.pdf", self._pdf(1)),
            Sample("PDF, a scanned page", "pdf_scan", "scan.pdf", scans.scanned_pdf(self._text(600))),
            Sample("PNG, a page of text", "picture", "page.png", scans.png(self._text(600))),
            Sample("ZIP, 900 texts of 1 KB", "zip", "source.zip", office_files.zipped(self._texts(900, 170))),
            Sample("TAR.GZ, 900 texts of 1 KB", "tar", "source.tar.gz", _tar(self._texts(900, 170))),
            Sample("ZIP, 10 texts, 10 tables", "zip", "year.zip", office_files.zipped(self._year())),
            Sample("TAR.GZ, 10 texts, 10 tables", "tar", "year.tar.gz", _tar(self._year())),
            Sample("mail with a DOCX", "mail", "forwarded.eml", self._mail()),
        ]

    def _text(self, words: int = PARAGRAPH_WORDS) -> str:
        return f"{WORD} {scans.paragraphs(self._rng, words)}"

    def _words(self, paragraphs: int) -> list[str]:
        return [self._text() for _ in range(paragraphs)]

    def _figures(self, rows: int) -> tuple[int, list[str], random.Random]:
        return rows, [self._text(5) for _ in range(max(rows // 5, 1))], self._rng

    def _slides(self, slides: int) -> list[list[str]]:
        return [[self._text(12) for _ in range(30)] for _ in range(slides)]

    def _epub(self, chapters: int) -> bytes:
        return office_files.epub(
            *("".join(f'<p class="text">{self._text()}</p>\n' for _ in range(60)) for _ in range(chapters))
        )

    def _rtf(self, paragraphs: int) -> bytes:
        inside = "".join(f"\\pard\\plain\\f0\\fs22 {self._text()}\\par\n" for _ in range(paragraphs))
        return f"{{\\rtf1\\ansi{{\\fonttbl{{\\f0 Calibri;}}}}\n{inside}}}".encode()

    def _pdf(self, pages: int) -> bytes:
        lines = textwrap.wrap(self._text(pages * LINES_OF_A_PAGE * 18), 90)
        return office_files.pdf(
            *("\n".join(lines[at * LINES_OF_A_PAGE : (at + 1) * LINES_OF_A_PAGE]) for at in range(pages)), points=9
        )

    def _texts(self, number: int, words: int) -> dict[str, str | bytes]:
        return {f"notes/{at}.txt": self._text(words) for at in range(number)}

    def _year(self) -> dict[str, str | bytes]:
        """Return what an ordinary archive holds: a few texts and tables, each of about 50 KB."""
        return {**self._texts(10, 8_000), **{f"tables/{at}.csv": self._table(900) for at in range(10)}}

    def _table(self, rows: int) -> str:
        rng = self._rng
        numbers = (",".join(f"{rng.random() * 1000:.2f}" for _ in range(5)) for _ in range(rows))
        return "\r\n".join(f"{at},{self._text(3)},{figures}" for at, figures in enumerate(numbers))

    def _mail(self) -> bytes:
        encoded = base64.encodebytes(office.word(self._words(400))).decode().replace("\n", "\r\n")
        return (
            "From: a@example.org\r\nSubject: the report\r\nMIME-Version: 1.0\r\n"
            'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
            f"--b\r\nContent-Type: text/plain\r\n\r\n{self._text()}\r\n"
            '--b\r\nContent-Type: application/octet-stream; name="report.docx"\r\n'
            f"Content-Transfer-Encoding: base64\r\n\r\n{encoded}\r\n--b--\r\n"
        ).encode()


def _tar(members: Mapping[str, str | bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as archive:
        for name, text in members.items():
            data = text.encode() if isinstance(text, str) else text
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()
