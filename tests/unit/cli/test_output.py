"""Output: nothing from a mail can play tricks on a terminal, and a pipe gets plain, whole lines."""

import io
import sys
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from unittest import mock

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from src.cli.output import MAX_CELL_CHARS, Listing, clean, moment, print_json, print_table, records, size, span, table


@given(st.text())
def test_cleaned_text_holds_no_control_or_format_character(text: str) -> None:
    cleaned = clean(text)
    assert not [char for char in cleaned if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert len(cleaned) <= MAX_CELL_CHARS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b]0;owned\x07Hello", "]0;ownedHello"),  # sets a window's title
        ("\x1b[2J\x1b[31mred", "[2J[31mred"),  # clears the screen
        ("invoice\u202efdp.exe", "invoicefdp.exe"),  # turns the reading order around
        ("one\r\ntwo\tthree", "one  two three"),  # a table has one line a row
        ("\udc80ok", "ok"),  # a lone surrogate
        ("Grüße 你好", "Grüße 你好"),  # what people write stays
    ],
)
def test_clean(text: str, expected: str) -> None:
    assert clean(text) == expected


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2)))
def test_a_table_in_a_pipe_has_one_line_a_row_and_its_columns(rows: list[list[str]]) -> None:
    written = _captured(lambda: print_table(("a", "b"), rows))
    lines = written.decode().removesuffix("\n").split("\n")
    assert lines[0] == "a\tb"
    assert len(lines) == 1 + len(rows)
    assert all(line.count("\t") == 1 for line in lines)


def test_rich_markup_of_a_mail_is_text() -> None:
    assert b"[bold]hi[/bold]" in _captured(lambda: print_table(("subject",), [["[bold]hi[/bold]"]]))


_TEXTS = st.text(st.characters(codec="utf-8"))
_SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _TEXTS


@settings(max_examples=30)
@given(st.recursive(_SCALARS, lambda inner: st.lists(inner) | st.dictionaries(_TEXTS, inner)))
def test_json_comes_back_as_it_was(value: object) -> None:
    assert orjson.loads(_captured(lambda: print_json(value))) == value


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(None, "-"), (0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2.0 h"), (172_800, "2.0 d"), (8e6, "92.6 d")],
)
def test_span(seconds: float | None, expected: str) -> None:
    assert span(seconds) == expected


@pytest.mark.parametrize(
    ("size_bytes", "expected"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 * 1024**3, "5.0 GiB"), (2**50, "1024.0 TiB")],
)
def test_size(size_bytes: int, expected: str) -> None:
    assert size(size_bytes) == expected


def test_times_are_shown_in_utc() -> None:
    east = datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert moment(east) == "2026-02-28 23:30:00Z"
    assert moment(east.astimezone(UTC)) == moment(east)


def _captured(write: Callable[[], None]) -> bytes:
    buffer = io.BytesIO()
    with mock.patch.object(sys, "stdout", io.TextIOWrapper(buffer, encoding="utf-8")):
        write()
        sys.stdout.flush()
        return buffer.getvalue()


@given(rows=st.lists(st.tuples(*[st.text("abcdef/.: ", max_size=30)] * 5), max_size=4), width=st.integers(20, 120))
@example(rows=[("", "", "", "", ""), (":::::", "", "", "", " ::::")], width=31)
def test_a_drawn_table_fits_and_breaks_no_word(rows: list[tuple[str, ...]], width: int) -> None:
    part = Listing(("id", "name", "what to do", "free", "more"), rows, whole=("id",))
    drawn = table(part, width)
    told = io.StringIO()
    Console(file=told, width=width, soft_wrap=drawn is None).print(records(part) if drawn is None else drawn)
    lines = told.getvalue().splitlines()
    assert drawn is None or max(map(len, lines), default=0) <= width
    said = set(told.getvalue().split())
    assert {word for row in rows for cell in row for word in cell.split()} <= said


def test_a_table_that_needs_no_more_than_the_terminal_has_is_drawn() -> None:
    columns = ("account", "tag in logs", "mails", "mailbox", "read up to", "read to its end", "state")
    row = ("ada@example.org", "1a2b3c4d", 1200, "mailbox.mbox/x", "last_uid 1200, uidvalidity 77", "12 s ago", "ok")
    assert table(Listing(columns, [row], whole=("account", "mailbox")), 80) is not None
