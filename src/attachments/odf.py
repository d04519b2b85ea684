"""Text of OpenDocument files (ODF 1.3): texts, tables and presentations alike, with annotations and notes.

Cells and rows that repeat are said once, however often they are declared to. Of a spreadsheet, each sheet comes after
its name, with its cells between tabs.
"""

from collections.abc import Mapping

from src.attachments.extractor import Content, NotExtractedError
from src.attachments.finish import finished
from src.attachments.inside import OPENDOCUMENT
from src.attachments.limits import Limits
from src.attachments.office_zip import Attributes, FlowHandler, Handler, OfficeZip, Pieces, properties
from src.model.extraction import Extracted, Extraction

_TEXTS = frozenset({"p", "h"})
_ENDS = {"p": "\n", "h": "\n", "table-cell": "\t", "table-row": "\n", "tab": "\t", "line-break": "\n"}
_SHEET_ENDS = {name: end for name, end in _ENDS.items() if name != "p"}  # paragraphs of a cell stay on its line
_SKIPPED = frozenset({"tracked-changes"})  # holds what was deleted
_VALUES = ("date-value", "time-value", "boolean-value", "string-value", "value")  # of a cell, ODF 1.3 section 19.385
MAX_SPACES = 100  # of one element that stands for several


class _Flow(FlowHandler):
    def __init__(self, pieces: Pieces, ends: Mapping[str, str] = _ENDS) -> None:
        super().__init__(pieces, texts=_TEXTS, ends=ends, skipped=_SKIPPED)

    def start(self, name: str, attributes: Attributes) -> None:
        super().start(name, attributes)
        if name == "s":
            count = attributes.get("c", "1")
            self.text(" " * (min(int(count), MAX_SPACES) if count.isdecimal() and len(count) < 6 else 1))


class _Sheets(Handler):
    """Writes a spreadsheet: names of sheets, and of a cell that shows no text the value."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._flow = _Flow(pieces, _SHEET_ENDS)
        self._is_cell = False
        self._value = ""  # of the open cell, until text is found in it
        self._between = ""  # what comes before the next paragraph of the open cell

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "table":
            self._pieces.add(f"{attributes.get('name', '')}\n")
        elif name == "p" and self._is_cell:
            self._pieces.add(self._between)
        elif name == "table-cell":
            self._is_cell, self._between = True, ""
            self._value = next((attributes[each] for each in _VALUES if attributes.get(each)), "")
        self._flow.start(name, attributes)

    def text(self, data: str) -> None:
        if data.strip():
            self._value, self._between = "", " "
        self._flow.text(data)

    def end(self, name: str) -> None:
        if name == "table-cell":
            self._pieces.add(self._value)
            self._is_cell, self._value = False, ""
        self._flow.end(name)
        if name == "p" and not self._is_cell:
            self._pieces.add("\n")


class _Manifest(Handler):
    """Refuses a file of which a member is encrypted (ODF 1.3 part 2, section 4.5)."""

    def start(self, name: str, attributes: Attributes) -> None:  # noqa: ARG002
        if name == "encryption-data":
            raise NotExtractedError("encrypted", outcome=Extracted.SKIPPED)


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
