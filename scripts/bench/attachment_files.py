"""Files as mails carry them, one of each kind that is read: with the text of a report, and some with that of a letter.

The same for a seed. The markup is as verbose as office programs write it, since reading it is most of the work.
"""

import base64
import io
import random
import tarfile
import textwrap
import zipfile
from dataclasses import dataclass

from scripts.bench import scans
from tests.fixtures import office_files
from tests.fixtures.office_files import CORE, DRAWINGS, SHEETS, WORDS, zipped

PARAGRAPH_WORDS = 60
LINES_OF_A_PAGE = 50
WORD = "kettle"  # in every file, so that both contenders can be seen to have read it

_OPENDOCUMENT = "urn:oasis:names:tc:opendocument:xmlns"


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
            Sample("DOCX, 60 pages", "docx", "report.docx", self._docx(400)),
            Sample("DOCX, a letter", "docx", "letter.docx", self._docx(5)),
            Sample("XLSX, 60,000 cells", "xlsx", "figures.xlsx", self._xlsx(5_000)),
            Sample("XLSX, 240 cells", "xlsx", "list.xlsx", self._xlsx(20)),
            Sample("PPTX, 80 slides", "pptx", "talk.pptx", self._pptx(80)),
            Sample("ODT, 200 pages", "odt", "report.odt", self._odt(1_400)),
            Sample("EPUB, 30 chapters", "epub", "book.epub", self._epub(30)),
            Sample("RTF, 15 pages", "rtf", "report.rtf", self._rtf(100)),
            Sample("PDF, 100 pages of text", "pdf", "report.pdf", self._pdf(100)),
            Sample("PDF, a letter", "pdf", "letter.pdf", self._pdf(1)),
            Sample("PDF, a scanned page", "pdf_scan", "scan.pdf", scans.scanned_pdf(self._text(600))),
            Sample("PNG, a page of text", "picture", "page.png", scans.png(self._text(600))),
            Sample("ZIP, 900 small texts", "zip", "source.zip", zipped(self._texts(900))),
            Sample("TAR.GZ, 900 small texts", "tar", "source.tar.gz", self._tar(900)),
            Sample("mail with a DOCX", "mail", "forwarded.eml", self._mail()),
        ]

    def _text(self, words: int = PARAGRAPH_WORDS) -> str:
        return f"{WORD} {scans.paragraphs(self._rng, words)}"

    def _docx(self, paragraphs: int) -> bytes:
        runs = '<w:rPr><w:rFonts w:ascii="Calibri" w:hAnsi="Calibri"/><w:sz w:val="22"/><w:lang w:val="en-GB"/></w:rPr>'
        inside = "".join(
            '<w:p w:rsidR="00A77B3E" w:rsidRDefault="00A77B3E"><w:pPr><w:pStyle w:val="BodyText"/>'
            '<w:spacing w:after="120"/><w:jc w:val="both"/></w:pPr>'
            + "".join(
                f'<w:r w:rsidRPr="00B3">{runs}<w:t xml:space="preserve">{part} </w:t></w:r>'
                for part in textwrap.wrap(self._text(), 60)
            )
            + "</w:p>"
            for _ in range(paragraphs)
        )
        main = f'<?xml version="1.0"?><w:document xmlns:w="{WORDS}"><w:body>{inside}</w:body></w:document>'
        return zipped({"[Content_Types].xml": "<Types/>", "word/document.xml": main, "docProps/core.xml": CORE})

    def _xlsx(self, rows: int) -> bytes:
        strings = [self._text(5) for _ in range(max(rows // 5, 1))]
        shared = "".join(f"<si><t>{text}</t></si>" for text in strings)
        lines = "".join(
            f'<row r="{row}" spans="1:12">{self._cells(row, len(strings))}</row>' for row in range(1, rows + 1)
        )
        return zipped(
            {
                **_members_of(office_files.xlsx("x")),
                "xl/sharedStrings.xml": f'<sst xmlns="{SHEETS}">{shared}</sst>',
                "xl/worksheets/sheet2.xml": f'<w xmlns="{SHEETS}"><sheetData>{lines}</sheetData></w>',
            }
        )

    def _cells(self, row: int, strings: int) -> str:
        rng = self._rng
        texts = "".join(f'<c r="{at}{row}" t="s"><v>{rng.randrange(strings)}</v></c>' for at in "ABCD")
        dates = "".join(f'<c r="{at}{row}" s="1"><v>{rng.randrange(40_000, 46_000)}</v></c>' for at in "EF")
        return texts + dates + "".join(f'<c r="{at}{row}"><v>{rng.random() * 1000:.2f}</v></c>' for at in "GHIJKL")

    def _pptx(self, slides: int) -> bytes:
        marked = (
            '<a:p><a:pPr lvl="1" marL="285750" indent="-285750"/><a:r><a:rPr lang="en-GB" sz="1800" dirty="0">'
            '<a:solidFill><a:schemeClr val="tx1"/></a:solidFill></a:rPr><a:t>{}</a:t></a:r></a:p>'
        )
        members = _members_of(office_files.pptx(*("x" for _ in range(slides))))
        for number in range(1, slides + 1):
            inside = "".join(marked.format(self._text(12)) for _ in range(30))
            members[f"ppt/slides/slide{number}.xml"] = f'<s xmlns:a="{DRAWINGS}">{inside}</s>'.encode()
        return zipped(members)

    def _odt(self, paragraphs: int) -> bytes:
        inside = "".join(
            '<text:p text:style-name="P1">'
            + "".join(
                f'<text:span text:style-name="T1">{part}</text:span> ' for part in textwrap.wrap(self._text(), 60)
            )
            + "</text:p>"
            for _ in range(paragraphs)
        )
        content = (
            f'<office:document-content xmlns:office="{_OPENDOCUMENT}:office:1.0" xmlns:text="{_OPENDOCUMENT}:text:1.0">'
            f"<office:body><office:text>{inside}</office:text></office:body></office:document-content>"
        )
        return zipped({**_members_of(office_files.opendocument("x")), "content.xml": content})

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

    def _texts(self, number: int) -> dict[str, str | bytes]:
        return {f"notes/{at}.txt": self._text(200) for at in range(number)}

    def _tar(self, number: int) -> bytes:
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as archive:
            for name, text in self._texts(number).items():
                data = text.encode() if isinstance(text, str) else text
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return file.getvalue()

    def _mail(self) -> bytes:
        encoded = base64.encodebytes(self._docx(400)).decode().replace("\n", "\r\n")
        return (
            "From: a@example.org\r\nSubject: the report\r\nMIME-Version: 1.0\r\n"
            'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
            f"--b\r\nContent-Type: text/plain\r\n\r\n{self._text()}\r\n"
            '--b\r\nContent-Type: application/octet-stream; name="report.docx"\r\n'
            f"Content-Transfer-Encoding: base64\r\n\r\n{encoded}\r\n--b--\r\n"
        ).encode()


def _members_of(data: bytes) -> dict[str, str | bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
