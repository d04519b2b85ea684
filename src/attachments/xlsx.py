"""Text of Excel files (ECMA-376): each sheet after its name, cells between tabs, formulas by their last value, dates as
people read them. Never dense: only the cells that are there, and at most a million of them."""

from datetime import datetime, timedelta

from src.attachments.extractor import Content
from src.attachments.finish import finished
from src.attachments.limits import Limits
from src.attachments.office_zip import Attributes, EnoughError, Handler, OfficeZip, Pieces, properties
from src.model.extraction import Extraction

_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet's dates have no zone
_LAST_SERIAL = 2_958_465  # 9999-12-31
_DATE_FORMATS = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})  # built-in (18.8.30)
_DATE_LETTERS = frozenset("dmyhs")


class Xlsx:
    """Plays `Extractor` for XLSX."""

    def extract(self, data: Content, limits: Limits) -> Extraction:
        pieces = Pieces(limits.text_chars)
        with OfficeZip(data, limits) as archive:
            targets, book, strings, styles = _Targets(), _Book(), _Strings(limits.cells), _Styles()
            archive.read_xml("xl/_rels/workbook.xml.rels", targets)
            archive.read_xml("xl/workbook.xml", book)
            archive.read_xml("xl/sharedStrings.xml", strings)
            archive.read_xml("xl/styles.xml", styles)
            cells = _Count(limits.cells)
            for name, relation in book.sheets:
                if pieces.is_full or cells.is_used_up:
                    break
                _add_quietly(pieces, f"{name}\n")
                member = "xl/" + targets.found.get(relation, "").removeprefix("/xl/")
                archive.read_xml(member, _Sheet(pieces, strings.found, styles, cells))
            known = properties(archive, "docProps/core.xml")
        known["sheets"] = len(book.sheets)
        return finished(pieces.joined(), limits, known, was_cut=pieces.is_full or cells.is_used_up)


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


class _Targets(Handler):
    """Which member a relation leads to."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "Relationship":
            self.found[attributes.get("Id", "")] = attributes.get("Target", "")


class _Book(Handler):
    """The sheets in their order: name and relation."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "sheet":
            self.sheets.append((attributes.get("name", ""), attributes.get("id", "")))


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


class _Styles(Handler):
    """Which cell styles show a number as a date."""

    def __init__(self) -> None:
        self._date_formats = set(_DATE_FORMATS)
        self._are_dates: list[bool] = []
        self._in_cell_styles = False

    def is_date(self, style: str) -> bool:
        return style.isdecimal() and int(style) < len(self._are_dates) and self._are_dates[int(style)]

    def start(self, name: str, attributes: Attributes) -> None:
        number = attributes.get("numFmtId", "")
        if name == "numFmt" and number.isdecimal() and _shows_date(attributes.get("formatCode", "")):
            self._date_formats.add(int(number))
        elif name == "cellXfs":
            self._in_cell_styles = True
        elif name == "xf" and self._in_cell_styles:
            self._are_dates.append(number.isdecimal() and int(number) in self._date_formats)

    def end(self, name: str) -> None:
        if name == "cellXfs":
            self._in_cell_styles = False


def _shows_date(code: str) -> bool:
    """Tell whether a number format shows a date: by its letters outside of quotes and brackets."""
    bare, is_quoted, is_bracketed = [], False, False
    for letter in code.lower():
        if letter == '"':
            is_quoted = not is_quoted
        elif letter in "[]" and not is_quoted:
            is_bracketed = letter == "["
        elif not is_quoted and not is_bracketed:
            bare.append(letter)
    return bool(_DATE_LETTERS & set(bare)) and "general" not in "".join(bare)


class _Sheet(Handler):
    """Writes the cells of a sheet."""

    def __init__(self, pieces: Pieces, strings: list[str], styles: _Styles, count: _Count) -> None:
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
        return _as_date(value) if self._kind == "n" and self._styles.is_date(self._style) else value


def _as_date(value: str) -> str:
    try:
        serial = float(value)
    except ValueError:
        return value
    if not 0 <= serial <= _LAST_SERIAL:
        return value
    moment = _EPOCH + timedelta(seconds=round(serial * 86_400))
    return moment.strftime("%H:%M:%S" if serial < 1 else "%Y-%m-%d" if serial.is_integer() else "%Y-%m-%d %H:%M:%S")
