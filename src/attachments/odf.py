"""Text of OpenDocument files (ODF 1.3): texts, tables and presentations alike, with annotations and notes.

Cells and rows that repeat are said once, however often they are declared to. Of a spreadsheet, each sheet comes after
its name, with its cells between tabs.
"""

from src.attachments.extractor import Content, NotExtractedError
from src.attachments.finish import finished
from src.attachments.inside import OPENDOCUMENT
from src.attachments.limits import Limits
from src.attachments.office_text import FlowHandler, Pieces
from src.attachments.office_xml import AtEnd, AtStart, Attributes, Handler
from src.attachments.office_zip import OfficeZip, properties
from src.model.extraction import Extracted, Extraction

_TEXTS = frozenset({"p", "h"})
_ENDS = {"p": "\n", "h": "\n", "table-cell": "\t", "table-row": "\n", "tab": "\t", "line-break": "\n"}
_SKIPPED = frozenset({"tracked-changes"})  # holds what was deleted
_VALUES = ("date-value", "time-value", "boolean-value", "string-value", "value")  # of a cell, ODF 1.3 section 19.385
MAX_SPACES = 100  # of one element that stands for several


class OpenDocument:
    """Plays `Extractor` for ODT, ODS and ODP."""

    def extract(self, data: Content, limits: Limits) -> Extraction:
        pieces = Pieces(limits.text_chars)
        is_spreadsheet = data.content_type.startswith(OPENDOCUMENT + "spreadsheet")
        with OfficeZip(data, limits) as archive:
            archive.read_xml("META-INF/manifest.xml", _Manifest())
            archive.read_xml("content.xml", _Sheets(pieces) if is_spreadsheet else _Flow(pieces))
            known = properties(archive, "meta.xml")
        return finished(pieces.joined(), limits, known, was_cut=pieces.is_full)


class _Flow(FlowHandler):
    def __init__(self, pieces: Pieces) -> None:
        super().__init__(pieces, texts=_TEXTS, ends=_ENDS, skipped=_SKIPPED)

    def at_start(self, name: str) -> AtStart | None:
        return self._spaces if name == "s" else super().at_start(name)

    def _spaces(self, attributes: Attributes) -> None:
        count = _attribute(attributes, "c") or "1"
        self.text(" " * (min(int(count), MAX_SPACES) if count.isdecimal() and len(count) < 6 else 1))


class _Sheets(_Flow):
    """Writes a spreadsheet: names of sheets, the paragraphs of a cell on one line, and of a cell that shows no text the
    value."""

    def __init__(self, pieces: Pieces) -> None:
        super().__init__(pieces)
        self._cell: Attributes | None = None  # that is open
        self._has_words = False  # were there any in this cell

    def at_start(self, name: str) -> AtStart | None:
        begins = {"table": self._begin_sheet, "table-cell": self._begin_cell, "p": self._begin_paragraph}
        return begins.get(name) or super().at_start(name)

    def at_end(self, name: str) -> AtEnd | None:
        return {"table-cell": self._end_cell, "p": self._end_paragraph}.get(name) or super().at_end(name)

    def text(self, data: str) -> None:
        if self._open_texts and not self._open_skipped:
            self._add(data)
            self._has_words = self._has_words or not data.isspace()

    def _begin_sheet(self, attributes: Attributes) -> None:
        self._add(f"{_attribute(attributes, 'name')}\n")

    def _begin_cell(self, attributes: Attributes) -> None:
        self._cell, self._has_words = attributes, False

    def _end_cell(self) -> None:
        if self._cell is not None and not self._has_words:
            self._add(next(filter(None, (_attribute(self._cell, name) for name in _VALUES)), ""))
        self._cell = None
        self._add("\t")

    def _begin_paragraph(self, attributes: Attributes) -> None:
        self._begin_text(attributes)
        if self._cell is not None and self._has_words:
            self._add(" ")

    def _end_paragraph(self) -> None:
        self._end_text("\n" if self._cell is None else "")


class _Manifest(Handler):
    """Refuses a file of which a member is encrypted (ODF 1.3 part 2, section 4.5)."""

    def at_start(self, name: str) -> AtStart | None:
        return _refuse if name == "encryption-data" else None

    def at_end(self, name: str) -> AtEnd | None:  # noqa: ARG002 - nothing is done at any
        return None


def _refuse(_attributes: Attributes) -> None:
    raise NotExtractedError("encrypted", outcome=Extracted.SKIPPED)


def _attribute(attributes: Attributes, name: str) -> str:
    """Return an attribute by its local name; empty if there is none."""
    return next((value for key, value in attributes.items() if key.rpartition(":")[2] == name), "")
