"""The floor under the libraries: the words of an office file by zipfile and expat, in as few lines as will do.

It knows the files of this benchmark and no others: no order of slides or sheets, no header, note or comment, no dates,
no bound. What a reader that does its work costs more than this is the price of that work.
"""

import io
import zipfile
from collections.abc import Callable, Iterable
from xml.parsers import expat


def _walked(xml: bytes, texts: Iterable[str], ends: Iterable[str]) -> str:
    """Return the text inside the elements `texts`, with a line end after each of `ends`, by expat."""
    wanted, lines = frozenset(texts), frozenset(ends)
    pieces: list[str] = []
    is_text = False

    def start(name: str, _attributes: object) -> None:
        nonlocal is_text
        is_text = name in wanted

    def text(data: str) -> None:
        if is_text:
            pieces.append(data)

    def end(name: str) -> None:
        nonlocal is_text
        is_text = False
        if name in lines:
            pieces.append("\n")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.CharacterDataHandler = text
    parser.EndElementHandler = end
    parser.Parse(xml, True)
    return "".join(pieces)


def _docx(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return _walked(archive.read("word/document.xml"), ["w:t"], ["w:p"])


def _pptx(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        slides = [name for name in archive.namelist() if name.startswith(("ppt/slides/slide", "ppt/notesSlides/n"))]
        return "\n".join(_walked(archive.read(name), ["a:t"], ["a:p"]) for name in slides)


def _odt(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return _walked(archive.read("content.xml"), ["text:p", "text:span"], ["text:p"])


def _xlsx(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        strings = _walked(archive.read("xl/sharedStrings.xml"), ["t"], ["si"]).split("\n")
        return "\n".join(
            _sheet(archive.read(name), strings) for name in archive.namelist() if name.startswith("xl/worksheets/")
        )


def _sheet(xml: bytes, strings: list[str]) -> str:
    """Return the cells of a sheet, dates as the numbers that they are stored as."""
    pieces: list[str] = []
    kind, is_value = "", False

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal kind, is_value
        if name == "c":
            kind = attributes.get("t", "")
        is_value = name in ("v", "t")

    def text(data: str) -> None:
        if is_value:
            pieces.append(strings[int(data)] if kind == "s" else data)

    def end(name: str) -> None:
        nonlocal is_value
        is_value = False
        if name == "c":
            pieces.append("\t")
        elif name == "row":
            pieces.append("\n")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.CharacterDataHandler = text
    parser.EndElementHandler = end
    parser.Parse(xml, True)
    return "".join(pieces)


FLOORS: dict[str, Callable[[bytes], str]] = {"docx": _docx, "xlsx": _xlsx, "pptx": _pptx, "odt": _odt}
