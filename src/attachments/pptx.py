"""Text of PowerPoint files (ECMA-376): slides in the order they are shown, each with its diagrams and notes."""

import re

from src.attachments.extractor import Content
from src.attachments.finish import finished
from src.attachments.limits import Limits
from src.attachments.office_relations import relations_of
from src.attachments.office_text import FlowHandler, Pieces
from src.attachments.office_xml import Attributes, Handler
from src.attachments.office_zip import OfficeZip, properties
from src.model.extraction import Extraction

_TEXTS = frozenset({"t"})
_ENDS = {"p": "\n", "tc": "\t", "tr": "\n", "br": "\n"}
_SKIPPED = frozenset({"Fallback"})
_SLIDE = re.compile(r"ppt/slides/slide(\d{1,6})\.xml")
_MAIN = "ppt/presentation.xml"
_BESIDE = ("diagramData", "notesSlide")  # relations of a slide, in the order in which they are read


class Pptx:
    """Plays `Extractor` for PPTX."""

    def extract(self, data: Content, limits: Limits) -> Extraction:
        pieces = Pieces(limits.text_chars)
        with OfficeZip(data, limits) as archive:
            slides = _slides(archive)
            for slide in slides:
                if pieces.is_full:
                    break
                for member in (slide, *_beside(archive, slide)):
                    if not pieces.is_full:
                        archive.read_xml(member, FlowHandler(pieces, texts=_TEXTS, ends=_ENDS, skipped=_SKIPPED))
            known = properties(archive, "docProps/core.xml")
        return finished(pieces.joined(), limits, {**known, "slides": len(slides)}, was_cut=pieces.is_full)


def _slides(archive: OfficeZip) -> list[str]:
    """Return the slides as the presentation lists them; then those that it does not, by their number."""
    order, relations = _Order(), relations_of(archive, _MAIN)
    archive.read_xml(_MAIN, order)
    listed = [relations[each].member for each in order.relations if each in relations]
    numbered = sorted((int(found[1]), name) for name in archive.names if (found := _SLIDE.fullmatch(name)))
    return list(dict.fromkeys([*(name for name in listed if name in archive.names), *(name for _, name in numbered)]))


def _beside(archive: OfficeZip, slide: str) -> list[str]:
    """Return what belongs to a slide; its number says nothing of the number of its notes."""
    relations = relations_of(archive, slide).values()
    return [member for wanted in _BESIDE for kind, member in relations if kind == wanted]


class _Order(Handler):
    """The relations of the slides, in the order in which they are shown."""

    def __init__(self) -> None:
        self.relations: list[str] = []

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "sldId":
            self.relations.append(attributes.get("id", ""))
