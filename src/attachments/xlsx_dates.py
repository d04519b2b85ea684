"""Numbers of Excel files as people see them, where their style makes dates, times or durations of them (18.8.30)."""

import re
from datetime import datetime, timedelta
from enum import Enum

from src.attachments.office_xml import Attributes, Handler

_FROM_1900 = datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet's dates have no zone
_FROM_1904 = datetime(1904, 1, 1)  # noqa: DTZ001 - as above; set by old Macs
_TIME_AT = len("2026-01-02 ")
MAX_KNOWN = 10_000  # numbers that are remembered as shown
MAX_FORMAT_CHARS = 255  # Excel allows no more
_DURATION_FORMAT = 46  # built-in: [h]:mm:ss
_DATE_FORMATS = (*range(14, 23), *range(27, 37), 45, 47, *range(50, 59))  # built-in
_DATE_LETTERS = frozenset("dmyhs")
_LITERAL = re.compile(r'"[^"]*"|\\.')
_BRACKETED = re.compile(r"\[[^\]]*\]")
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]")


class _Kind(Enum):
    DATE = "date"  # or time of day
    DURATION = "duration"  # hours may be over 24
    NUMBER = "number"


class Styles(Handler):
    """Hears styles.xml, and shows numbers by it."""

    def __init__(self, *, counts_from_1904: bool) -> None:
        self._epoch = _FROM_1904 if counts_from_1904 else _FROM_1900
        self._last = (datetime.max - self._epoch).days  # noqa: DTZ901 - 9999-12-31, often "no end"
        self._formats = {**dict.fromkeys(_DATE_FORMATS, _Kind.DATE), _DURATION_FORMAT: _Kind.DURATION}
        self._cell_styles = 0
        self._known: dict[tuple[str, _Kind], str] = {}  # the same days come again and again
        self._kinds: dict[str, _Kind] = {}  # of the cell styles that show something else than the number itself
        self._in_cell_styles = False

    def start(self, name: str, attributes: Attributes) -> None:
        number = attributes.get("numFmtId", "")
        if name == "numFmt" and number.isdecimal():
            self._formats[int(number)] = _kind_of(attributes.get("formatCode", ""))
        elif name == "cellXfs":
            self._in_cell_styles = True
        elif name == "xf" and self._in_cell_styles:
            kind = self._formats.get(int(number), _Kind.NUMBER) if number.isdecimal() else _Kind.NUMBER
            if kind is not _Kind.NUMBER:
                self._kinds[str(self._cell_styles)] = kind
            self._cell_styles += 1

    def end(self, name: str) -> None:
        if name == "cellXfs":
            self._in_cell_styles = False

    def shown(self, value: str, style: str) -> str:
        """Return a number as a cell of this style shows it."""
        kind = self._kinds.get(style)
        if kind is None:
            return value
        known = self._known.get((value, kind))
        if known is None:
            known = self._shown(value, kind)
            if len(self._known) < MAX_KNOWN:
                self._known[value, kind] = known
        return known

    def _shown(self, value: str, kind: _Kind) -> str:
        try:
            serial = float(value)
        except ValueError:
            return value
        if not 0 <= serial <= self._last:
            return value
        return _as_duration(serial) if kind is _Kind.DURATION else self._as_date(serial)

    def _as_date(self, serial: float) -> str:
        shown = (self._epoch + timedelta(seconds=round(serial * 86_400))).isoformat(" ")
        if serial < 1:
            return shown[_TIME_AT:]
        return shown[: _TIME_AT - 1] if serial.is_integer() else shown


def _kind_of(code: str) -> _Kind:
    """Tell what a number format shows: by its letters outside of quotes and brackets."""
    code = _LITERAL.sub("", code[:MAX_FORMAT_CHARS].lower())
    if _ELAPSED.search(code):
        return _Kind.DURATION
    bare = _BRACKETED.sub("", code)
    return _Kind.DATE if _DATE_LETTERS & set(bare) and "general" not in bare else _Kind.NUMBER


def _as_duration(serial: float) -> str:
    minutes, seconds = divmod(round(serial * 86_400), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
