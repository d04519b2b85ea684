"""What commands print: results to standard output, messages to standard error; tables for people, JSON for scripts.

On a terminal tables are drawn; in a pipe they are plain columns that are never cut. Colours follow the terminal and
NO_COLOR (https://no-color.org). What comes from a mail is cleaned first: a subject must not be able to move the cursor,
set the window's title, or turn the reading order around.
"""

import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import orjson
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 100_000  # columns of a table in a pipe: never reached, so that nothing is cut
MAX_CELL_CHARS = 2000  # of one cell, whatever a mail brings
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})  # control, format (bidi), surrogates, unassigned
Cell = object  # Text is taken as it is, None is shown as "-", all else as cleaned text


def out() -> Console:
    """Return the console for results."""
    is_terminal = sys.stdout.isatty()
    return Console(highlight=False, markup=False, soft_wrap=not is_terminal, width=None if is_terminal else PIPE_WIDTH)


def say(text: str, *, style: str = "") -> None:
    """Tell the person something that is not part of the result."""
    Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(Text(text, style=style))


def print_json(value: object) -> None:
    """Print one JSON document, indented, in UTF-8."""
    write_bytes(orjson.dumps(value, default=_as_json, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def json_line(value: object) -> bytes:
    """Return one line of JSON Lines."""
    return orjson.dumps(value, default=_as_json, option=orjson.OPT_APPEND_NEWLINE)


def write_bytes(content: bytes) -> None:
    """Write bytes to standard output at once."""
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, whole: Sequence[str] = ()) -> None:
    """Print a list: a drawn table on a terminal, tab-separated lines in a pipe."""
    if sys.stdout.isatty():
        out().print(table(columns, rows, whole=whole))
        return
    lines = ["\t".join(columns), *("\t".join(str(_cell(cell)) for cell in row) for row in rows)]
    write_bytes(("\n".join(lines) + "\n").encode("utf-8", "replace"))


def table(columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, whole: Sequence[str] = ()) -> Table:
    """Return a table for a page; without lines in a pipe. Columns in `whole` are not broken up: ids are copied."""
    drawn = Table(box=box.SIMPLE_HEAD if sys.stdout.isatty() else None, pad_edge=False)
    for name in columns:
        drawn.add_column(name, no_wrap=name in whole, overflow="fold")
    for row in rows:
        drawn.add_row(*(_cell(cell) for cell in row))
    return drawn


def clean(text: str) -> str:
    """Return `text` on one line, without control and format characters, cut to `MAX_CELL_CHARS`."""
    kept = (" " if char in "\t\n\r" else "" if unicodedata.category(char) in _HIDDEN else char for char in text)
    joined = "".join(kept)
    return joined if len(joined) <= MAX_CELL_CHARS else joined[: MAX_CELL_CHARS - 1] + "…"


def moment(when: datetime | None) -> str:
    """Return a time for a table, in UTC to the second."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if when else "-"


def span(seconds: float | None) -> str:
    """Return a length of time as people say it: `45 s`, `12 min`, `3.5 h`, `2.0 d`."""
    if seconds is None:
        return "-"
    for unit, size_s, below_s in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 172_800)):
        if seconds < below_s:
            return f"{seconds / size_s:.1f} {unit}" if unit == "h" else f"{seconds / size_s:.0f} {unit}"
    return f"{seconds / 86_400:.1f} d"


def size(size_bytes: float) -> str:
    """Return a size as people say it."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size_bytes < 1024:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:.1f} TiB"


def _cell(cell: Cell) -> Text:
    if isinstance(cell, Text):
        return cell
    if isinstance(cell, datetime):
        return Text(moment(cell))
    return Text("-" if cell is None or cell == "" else clean(str(cell)))


def _as_json(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    return str(value)
