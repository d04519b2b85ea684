"""Text of Word files (ECMA-376): body, tables, text boxes, headers, footers, notes, comments; not what was deleted."""

import re

from src.attachments.extractor import Content
from src.attachments.finish import finished
from src.attachments.inside import WORD_MAIN
from src.attachments.limits import Limits
from src.attachments.office_text import FlowHandler, Pieces
from src.attachments.office_zip import OfficeZip, properties
from src.model.extraction import Extraction

_TEXTS = frozenset({"t"})
_ENDS = {"p": "\n", "tc": "\t", "tr": "\n", "tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
# Says again, for old programs, what stands before it; and what was moved, at the place where it stood.
_SKIPPED = frozenset({"Fallback", "moveFrom"})
_BESIDE = re.compile(r"word/(?:header\d*|footer\d*|footnotes|endnotes|comments)\.xml")


class Docx:
    """Plays `Extractor` for DOCX."""

    def extract(self, data: Content, limits: Limits) -> Extraction:
        pieces = Pieces(limits.text_chars)
        with OfficeZip(data, limits) as archive:
            main = sorted(name for name in archive.names if WORD_MAIN.fullmatch(name))
            beside = sorted(name for name in archive.names if _BESIDE.fullmatch(name))
            for member in (*main, *beside):
                if not pieces.is_full:
                    archive.read_xml(member, FlowHandler(pieces, texts=_TEXTS, ends=_ENDS, skipped=_SKIPPED))
            known = properties(archive, "docProps/core.xml")
        return finished(pieces.joined(), limits, known, was_cut=pieces.is_full)
