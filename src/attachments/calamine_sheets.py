"""Text of Excel files in binary form, XLS and XLSB, by calamine: each sheet after its name, cells between tabs, dates
as people read them.

calamine lays a sheet out with all its empty cells, and ends the process when there is no memory for that. So it runs in
a fork with a time of its own; xls2csv, which shows dates as numbers, has its turn where it fails, if it is there.
A file that says that its sheets are small is spared the fork, which costs half as much as reading: one that lied ends
this child of the sandbox, and costs itself alone.
"""

import shutil
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from importlib import import_module
from typing import Any

from src.attachments.bounded_call import call_within
from src.attachments.extractor import Content, NotExtractedError
from src.attachments.finish import finished
from src.attachments.inside import EXCEL
from src.attachments.limits import Limits
from src.attachments.old_office import OldOffice
from src.attachments.xls_sizes import told_cells
from src.model.extraction import Extraction

_SECOND = OldOffice("xls2csv")
_MIDNIGHT = " 00:00:00"  # the time of a cell that holds a day


class CalamineSheets:
    """Plays `Extractor` for XLS and XLSB."""

    def extract(self, data: Content, limits: Limits) -> Extraction:
        import_module("python_calamine")  # before the fork: loading takes longer than reading
        try:
            found = _read_here(data, limits) if _is_small(data, limits) else _read_beside(data, limits)
        except NotExtractedError:
            if data.content_type != EXCEL or shutil.which(_SECOND.program) is None:
                raise
            second = _SECOND.extract(data, limits)
            if not second.text:
                raise
            return second
        return finished(found["text"], limits, {"sheets": found["sheets"]}, was_cut=found["was_cut"])


def _is_small(data: Content, limits: Limits) -> bool:
    try:
        cells = told_cells(data) if data.content_type == EXCEL else None
    except NotExtractedError:  # calamine may make more of it
        return False
    return cells is not None and cells <= limits.cells


def _read_beside(data: Content, limits: Limits) -> dict[str, Any]:
    found: dict[str, Any] = call_within(data.budget.left_s(limits.engine_seconds), _read, data, limits)
    return found


def _read_here(data: Content, limits: Limits) -> dict[str, Any]:
    """As `_read`. Raises NotExtractedError for whatever a broken file makes calamine raise."""
    try:
        return _read(data, limits)
    except (MemoryError, RecursionError, KeyboardInterrupt, SystemExit, NotExtractedError):
        raise
    except BaseException as error:  # a panic of calamine's is no Exception
        raise NotExtractedError("broken") from error


def _read(data: Content, limits: Limits) -> dict[str, Any]:
    import python_calamine

    with data.open() as file:
        book = python_calamine.load_workbook(file)
        pieces, room, cells = list[str](), limits.text_chars, limits.cells
        for line, count in _lines(book):
            pieces.append(line)
            room -= len(line) + 1
            cells -= count
            if room < 0 or cells < 0:
                break
        return {"text": "\n".join(pieces), "sheets": len(book.sheet_names), "was_cut": room < 0 or cells < 0}


def _lines(book: Any) -> Iterator[tuple[str, int]]:
    """Yield the lines of all sheets, each with the number of its cells."""
    for name in book.sheet_names:
        yield name, 0
        for row in book.get_sheet_by_name(name).iter_rows():
            shown = [_SHOWN[type(value)](value) for value in row if value != ""]
            if shown:
                yield "\t".join(shown), len(shown)


def _truth(value: bool) -> str:
    return "TRUE" if value else "FALSE"


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else str(value)


def _moment(value: datetime) -> str:
    return value.isoformat(" ", "seconds").removesuffix(_MIDNIGHT)


def _duration(value: timedelta) -> str:
    minutes, seconds = divmod(round(value.total_seconds()), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def _time_of_day(value: time) -> str:
    return value.isoformat("seconds")


# How each type that calamine gives is shown: as of XLSX (`xlsx_dates.py`).
_SHOWN: dict[type, Callable[[Any], str]] = {
    str: str,
    bool: _truth,
    int: str,
    float: _number,
    date: date.isoformat,
    datetime: _moment,
    time: _time_of_day,
    timedelta: _duration,
}
