"""Undoing mbox's quoting of `From ` lines, so that a mail is again what was received.

Writers put `>` before a body line that looks like a separator. mboxrd does it to `From `, `>From ` and so on, and
can be undone exactly; mboxo only to `From `. Taking one `>` away is right for all of mboxrd and for every line that
mboxo changed; the one loss is an mboxo line that was `>From ` from the start, which no reader can tell.
"""

import re
from collections.abc import Iterable, Iterator

LONG_LINE_BYTES = 512 * 1024  # of a longer line only the first part is looked at; keeps what is yielded below 1 MiB

_QUOTED_FIRST = re.compile(rb">+From ")
_QUOTED_LATER = re.compile(rb"\n>(?=>*From )")


def unquoted(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes with one `>` less before each quoted `From `; a quote may lie across blocks."""
    rest, at_line_start = b"", True
    for block in blocks:
        lines, newline, tail = (rest + block).rpartition(b"\n")
        if newline:
            yield _unquoted_lines(lines + newline, at_line_start=at_line_start)
            rest, at_line_start = tail, True
        else:
            rest = tail
        if len(rest) >= LONG_LINE_BYTES:
            yield _unquoted_lines(rest, at_line_start=at_line_start)
            rest, at_line_start = b"", False
    if rest:
        yield _unquoted_lines(rest, at_line_start=at_line_start)


def _unquoted_lines(data: bytes, *, at_line_start: bool) -> bytes:
    if at_line_start and _QUOTED_FIRST.match(data):
        data = data[1:]
    return _QUOTED_LATER.sub(b"\n", data) if b"\n>" in data else data
