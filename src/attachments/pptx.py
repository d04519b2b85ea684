"""Text of PowerPoint files (ECMA-376): slides by their number, each with its notes."""

import re

from src.attachments.extractor import Content
from src.attachments.finish import finished
from src.attachments.limits import Limits
from src.attachments.office_zip import FlowHandler, OfficeZip, Pieces, properties
from src.model.extraction import Extraction

_TEXTS = frozenset({"t"})
_ENDS = {"p": "\n", "tc": "\t", "tr": "\n", "br": "\n"}
_SKIPPED = frozenset({"Fallback"})
_SLIDE = re.compile(r"ppt/slides/slide(\d{1,6})\.xml")


class Pptx:
    """Plays `Extractor` for PPTX."""

    def extract(self, data: Content, limits: Limits) -> Extraction:
        pieces = Pieces(limits.text_chars)
        with OfficeZip(data, limits) as archive:
            numbers = sorted(int(found[1]) for name in archive.names if (found := _SLIDE.fullmatch(name)))
            for number in numbers:
                for member in (f"ppt/slides/slide{number}.xml", f"ppt/notesSlides/notesSlide{number}.xml"):
                    if not pieces.is_full:
                        archive.read_xml(member, FlowHandler(pieces, texts=_TEXTS, ends=_ENDS, skipped=_SKIPPED))
            known = properties(archive, "docProps/core.xml")
        return finished(pieces.joined(), limits, {**known, "slides": len(numbers)}, was_cut=pieces.is_full)
