"""Text of OpenDocument files (ODF 1.3): texts, tables and presentations alike, with annotations and notes.

Cells and rows that repeat are said once, however often they are declared to.
"""

from src.attachments.extractor import Content
from src.attachments.finish import finished
from src.attachments.limits import Limits
from src.attachments.office_zip import Attributes, FlowHandler, OfficeZip, Pieces, properties
from src.model.extraction import Extraction

_TEXTS = frozenset({"p", "h"})
_ENDS = {"p": "\n", "h": "\n", "table-cell": "\t", "table-row": "\n", "tab": "\t", "line-break": "\n"}
_SKIPPED = frozenset({"tracked-changes"})  # holds what was deleted
MAX_SPACES = 100  # of one element that stands for several


class _Flow(FlowHandler):
    def start(self, name: str, attributes: Attributes) -> None:
        super().start(name, attributes)
        if name == "s":
            count = attributes.get("c", "1")
            self.text(" " * (min(int(count), MAX_SPACES) if count.isdecimal() and len(count) < 6 else 1))


class OpenDocument:
    """Plays `Extractor` for ODT, ODS and ODP."""

    def extract(self, data: Content, limits: Limits) -> Extraction:
        pieces = Pieces(limits.text_chars)
        with OfficeZip(data, limits) as archive:
            archive.read_xml("content.xml", _Flow(pieces, texts=_TEXTS, ends=_ENDS, skipped=_SKIPPED))
            known = properties(archive, "meta.xml")
        return finished(pieces.joined(), limits, known, was_cut=pieces.is_full)
