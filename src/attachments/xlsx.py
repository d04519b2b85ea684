"""Text of Excel files (ECMA-376): each sheet after its name, cells between tabs, formulas by their last value, dates as
people read them, its comments below. Never dense: only the cells that are there, and at most a million of them."""

from collections.abc import Callable

from src.attachments.extractor import Content
from src.attachments.finish import finished
from src.attachments.limits import Limits
from src.attachments.office_relations import relations_of
from src.attachments.office_text import FlowHandler, Pieces
from src.attachments.office_xml import AtEnd, AtStart, Attributes, EnoughError, Handler
from src.attachments.office_zip import OfficeZip, properties
from src.attachments.xlsx_dates import Styles
from src.model.extraction import Extraction

_BOOK = "xl/workbook.xml"
_TEXTS, _HINTS = frozenset({"t"}), frozenset({"rPh"})  # phonetic hints are left out
_ENDS_OF_COMMENTS = {"comment": "\n"}
MAX_CELL_CHARS = 32_767  # as in Excel; a text that thousands of cells share must not multiply without bound


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
                pieces.add(f"{name}\n")
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


class _Count:
    def __init__(self, most: int) -> None:
        self._left = most

    @property
    def is_used_up(self) -> bool:
        return self._left <= 0

    def take(self, cells: int) -> None:
        self._left -= cells
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

    def at_start(self, name: str) -> AtStart | None:
        return {"si": self._begin, "t": self._begin_text, "rPh": self._begin_hint}.get(name)

    def text(self, data: str) -> None:
        if self._is_text:
            self._pieces.append(data)

    def at_end(self, name: str) -> AtEnd | None:
        return {"si": self._end, "t": self._end_text, "rPh": self._end_hint}.get(name)

    def _begin(self, _attributes: Attributes) -> None:
        self._pieces = []

    def _begin_text(self, _attributes: Attributes) -> None:
        self._is_text = not self._is_hint

    def _begin_hint(self, _attributes: Attributes) -> None:
        self._is_hint = True

    def _end_text(self) -> None:
        self._is_text = False

    def _end_hint(self) -> None:
        self._is_hint = False

    def _end(self) -> None:
        self.found.append("".join(self._pieces)[:MAX_CELL_CHARS])
        if len(self.found) >= self._most:
            raise EnoughError


class _Sheet(Handler):
    """Writes the cells of a sheet, row by row. All text inside a cell is its value, but for formulas and hints."""

    def __init__(self, pieces: Pieces, strings: list[str], styles: Styles, count: _Count) -> None:
        self._pieces = pieces
        self._strings = strings
        self._styles = styles
        self._count = count
        self._kind = self._style = ""
        self._value: list[str] = []  # of the cell that is open
        self._value_until = 0  # pieces of it, where a formula or hint began
        self._row: list[str] = []

    def at_start(self, name: str) -> AtStart | None:
        return {"c": self._begin_cell, "f": self._begin_skipping, "rPh": self._begin_skipping}.get(name)

    def text_sink(self) -> Callable[[str], object]:
        return self._value.append

    def at_end(self, name: str) -> AtEnd | None:
        return {"c": self._end_cell, "f": self._end_skipping, "rPh": self._end_skipping, "row": self._end_row}.get(name)

    def at_chunk_end(self) -> None:
        if self._row:
            self._count.take(len(self._row))
            self._pieces.add("\t".join(self._row) + "\t")
            self._row = []
        self._pieces.check()

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "")
        self._value.clear()

    def _begin_skipping(self, _attributes: Attributes) -> None:
        self._value_until = len(self._value)

    def _end_skipping(self) -> None:
        del self._value[self._value_until :]

    def _end_cell(self) -> None:
        value, kind = "".join(self._value).strip(), self._kind
        if not value:
            return
        if kind == "n":
            value = self._styles.shown(value, self._style)
        elif kind == "s":
            value = self._strings[int(value)] if value.isdecimal() and int(value) < len(self._strings) else ""
        elif kind == "b":
            value = "TRUE" if value == "1" else "FALSE"
        self._row.append(value)

    def _end_row(self) -> None:
        row, self._row = self._row, []
        self._count.take(len(row))
        row.append("\n")
        self._pieces.add("\t".join(row))
