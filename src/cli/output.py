"""What commands print: results to standard output, messages to standard error; tables for people, JSON for scripts.

On a terminal tables are drawn, or told line by line where they would not fit without breaking words; in a pipe they
are tab-separated and never cut. Colours follow the terminal and NO_COLOR (https://no-color.org). What comes from a mail
is cleaned first: a subject must not be able to move the cursor, set the window's title, or turn the reading order
around.
"""

import sys
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 100_000  # columns of a table in a pipe: never reached, so that nothing is cut
COLUMN_GAP = 2  # blanks between the columns of a drawn table
EDGES = 2  # of a drawn table, left and right together
FREE_WORD_CHARS = 16  # of a word in a mail: a longer one may be broken to make room
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


@dataclass(frozen=True)
class Listing:
    """A table: a list, or names with values. Words are never broken, so that ids, names and commands can be copied."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    whole: Sequence[str] = ()  # columns whose cells stay on one line
    free: Sequence[str] = ()  # columns of text from mails, where a word of any length may come


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, whole: Sequence[str] = (), free: Sequence[str] = ()
) -> None:
    """Print a list: a drawn table on a terminal, tab-separated lines in a pipe."""
    print_page([Listing(columns, list(rows), whole, free)])


def print_page(parts: Iterable[Listing | Text]) -> None:
    """Print tables and sentences, one after the other."""
    console = out()
    for part in parts:
        if isinstance(part, Text):
            console.print(part, soft_wrap=True)
        elif not console.is_terminal:
            lines = ["\t".join(part.columns), *("\t".join(str(_cell(cell)) for cell in row) for row in part.rows)]
            write_bytes(("\n".join(lines) + "\n").encode("utf-8", "replace"))
        elif (drawn := table(part, console.width)) is not None:
            console.print(drawn)
        else:
            console.print(records(part), soft_wrap=True)


def table(part: Listing, width: int) -> Table | None:
    """Return the drawn table; None if it cannot be that narrow without breaking words."""
    cells = [[_cell(cell) for cell in row] for row in part.rows]
    columns = [[name, *(row[place].plain for row in cells)] for place, name in enumerate(part.columns)]
    least = [_least_width(part, column) for column in columns]
    spare = width - EDGES - COLUMN_GAP * (len(columns) - 1) - sum(least)
    if spare < 0:
        return None
    wanted = [max(map(cell_len, column)) for column in columns]
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name, column_width in zip(part.columns, _grown(least, wanted, spare), strict=True):
        drawn.add_column(name, no_wrap=name in part.whole, overflow="fold", width=column_width)
    for row in cells:
        drawn.add_row(*row)
    return drawn


def records(part: Listing) -> Text:
    """Return the rows one below the other, a line for each cell; the terminal itself breaks what is too long."""
    lines = []
    for row in part.rows:
        told = [(name, _cell(cell)) for name, cell in zip(part.columns, row, strict=True)]
        lines += [Text.assemble(name, ": " if name else "", cell) for name, cell in told if cell.plain]
        lines.append(Text())
    return Text("\n").join(lines)


def _least_width(part: Listing, column: Sequence[str]) -> int:
    """Return the width under which words of this column would be broken; its name comes first."""
    if column[0] in part.whole:
        return max(map(cell_len, column))
    longest = max((cell_len(word) for text in column for word in text.split()), default=1)
    return min(longest, FREE_WORD_CHARS) if column[0] in part.free else longest


def _grown(widths: Sequence[int], wanted: Sequence[int], spare: int) -> list[int]:
    """Return the widths with the spare room shared out evenly among the columns that want more."""
    grown = list(widths)
    while spare > 0 and (hungry := [place for place, width in enumerate(grown) if width < wanted[place]]):
        share = max(spare // len(hungry), 1)
        for place in hungry:
            more = min(share, wanted[place] - grown[place], spare)
            grown[place] += more
            spare -= more
    return grown


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
    text = "" if cell is None else clean(str(cell)).strip()  # a leading blank would be wrapped as part of its word
    return Text(text or "-")


def _as_json(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    return str(value)
