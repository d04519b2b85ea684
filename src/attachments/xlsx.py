"""Text of Excel files (ECMA-376): each sheet after its name, cells between tabs, formulas by their last value, dates as
people read them, its comments below. Never dense: only the cells that are there, and at most a million of them."""

from src.attachments.extractor import Content
from src.attachments.finish import finished
from src.attachments.limits import Limits
from src.attachments.office_relations import relations_of
from src.attachments.office_zip import Attributes, EnoughError, FlowHandler, Handler, OfficeZip, Pieces, properties
from src.attachments.xlsx_dates import Styles
from src.model.extraction import Extraction

_BOOK = "xl/workbook.xml"
_TEXTS, _HINTS = frozenset({"t"}), frozenset({"rPh"})  # phonetic hints are left out
_ENDS_OF_COMMENTS = {"comment": "\n"}


class Xlsx:
    """Plays `Extractor` for XLSX."""

    def extract(self, data: Content, limits: Limits) -> Extraction:
        pieces = Pieces(limits.text_chars)
        with OfficeZip(data, limits) as archive:
            relations = relations_of(archive, _BOOK)
            book, strings = _Book(), _Strings(limits.cells)
            archive.read_xml(_BOOK, book)
            styles = Styles(counts_from_1904=book.counts_from_1904)
            archive.read_xml("xl/sharedStrings.xml", strings)
            archive.read_xml("xl/styles.xml", styles)
            cells = _Count(limits.cells)
            for name, relation in book.sheets:
                if pieces.is_full or cells.is_used_up:
                    break
                _add_quietly(pieces, f"{name}\n")
                if relation in relations:
                    member = relations[relation].member
                    archive.read_xml(member, _Sheet(pieces, strings.found, styles, cells))
                    _add_comments(archive, member, pieces)
            known = properties(archive, "docProps/core.xml")
        known["sheets"] = len(book.sheets)
        return finished(pieces.joined(), limits, known, was_cut=pieces.is_full or cells.is_used_up)


def _add_comments(archive: OfficeZip, sheet: str, pieces: Pieces) -> None:
    for kind, member in relations_of(archive, sheet).values():
        if kind == "comments" and not pieces.is_full:
            archive.read_xml(member, FlowHandler(pieces, texts=_TEXTS, ends=_ENDS_OF_COMMENTS, skipped=_HINTS))


def _add_quietly(pieces: Pieces, text: str) -> None:
    try:
        pieces.add(text)
    except EnoughError:
        return


class _Count:
    def __init__(self, most: int) -> None:
        self._left = most

    @property
    def is_used_up(self) -> bool:
        return self._left <= 0

    def take(self) -> None:
        self._left -= 1
        if self.is_used_up:
            raise EnoughError


class _Book(Handler):
    """The sheets in their order: name and relation; and from when days are counted."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.counts_from_1904 = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "sheet":
            self.sheets.append((attributes.get("name", ""), attributes.get("id", "")))
        elif name == "workbookPr":
            self.counts_from_1904 = attributes.get("date1904", "") in ("1", "true")


class _Strings(Handler):
    """The texts that cells share, by their position; phonetic hints are left out."""

    def __init__(self, most: int) -> None:
        self.found: list[str] = []
        self._most = most
        self._pieces: list[str] = []
        self._is_text = self._is_hint = False

    def start(self, name: str, attributes: Attributes) -> None:  # noqa: ARG002
        if name == "si":
            self._pieces = []
        self._is_hint = self._is_hint or name == "rPh"
        self._is_text = name == "t" and not self._is_hint

    def text(self, data: str) -> None:
        if self._is_text:
            self._pieces.append(data)

    def end(self, name: str) -> None:
        self._is_text = False
        if name == "rPh":
            self._is_hint = False
        elif name == "si":
            self.found.append("".join(self._pieces))
            if len(self.found) >= self._most:
                raise EnoughError


class _Sheet(Handler):
    """Writes the cells of a sheet."""

    def __init__(self, pieces: Pieces, strings: list[str], styles: Styles, count: _Count) -> None:
        self._pieces = pieces
        self._strings = strings
        self._styles = styles
        self._count = count
        self._kind = self._style = ""
        self._value: list[str] = []
        self._is_value = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "c":
            self._count.take()
            self._kind, self._style, self._value = attributes.get("t", "n"), attributes.get("s", ""), []
        self._is_value = name in ("v", "t")

    def text(self, data: str) -> None:
        if self._is_value:
            self._value.append(data)

    def end(self, name: str) -> None:
        self._is_value = False
        if name == "c" and self._value:
            self._pieces.add(self._shown("".join(self._value)) + "\t")
        elif name == "row":
            self._pieces.add("\n")

    def _shown(self, value: str) -> str:
        if self._kind == "s":
            return self._strings[int(value)] if value.isdecimal() and int(value) < len(self._strings) else ""
        if self._kind == "b":
            return "TRUE" if value == "1" else "FALSE"
        return self._styles.shown(value, self._style) if self._kind == "n" else value
