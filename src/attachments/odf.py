"""Text of OpenDocument files (ODF 1.3): texts, tables and presentations alike, with annotations and notes.

Cells and rows that repeat are said once, however often they are declared to.
"""

from src.attachments.extractor import Content
from src.attachments.finish import finished
from src.attachments.limits import Limits
from src.attachments.office_text import FlowHandler, Pieces
from src.attachments.office_xml import AtStart, Attributes
from src.attachments.office_zip import OfficeZip, properties
from src.model.extraction import Extraction

_TEXTS = frozenset({"p", "h"})
_ENDS = {"p": "\n", "h": "\n", "table-cell": "\t", "table-row": "\n", "tab": "\t", "line-break": "\n"}
_SKIPPED = frozenset({"tracked-changes"})  # holds what was deleted
MAX_SPACES = 100  # of one element that stands for several


class _Flow(FlowHandler):
    def at_start(self, name: str) -> AtStart | None:
        return self._spaces if name == "s" else super().at_start(name)

    def _spaces(self, attributes: Attributes) -> None:
        count = next((value for key, value in attributes.items() if key.endswith(":c")), "1")
        self.text(" " * (min(int(count), MAX_SPACES) if count.isdecimal() and len(count) < 6 else 1))


class OpenDocument:
    """Plays `Extractor` for ODT, ODS and ODP."""

    def extract(self, data: Content, limits: Limits) -> Extraction:
        pieces = Pieces(limits.text_chars)
        with OfficeZip(data, limits) as archive:
            archive.read_xml("content.xml", _Flow(pieces, texts=_TEXTS, ends=_ENDS, skipped=_SKIPPED))
            known = properties(archive, "meta.xml")
        return finished(pieces.joined(), limits, known, was_cut=pieces.is_full)
