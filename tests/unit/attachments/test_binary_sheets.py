"""Excel files in binary form: cells are found in their sheets, dates as people read them."""

import shutil
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.attachments import calamine_sheets
from src.attachments.extractor import Content, NotExtractedError
from src.attachments.inside import EXCEL
from src.attachments.xls_sizes import told_cells
from src.model.extraction import Extracted
from tests.fixtures.binary_sheets import xls, xlsb
from tests.fixtures.reading import read
from tests.fixtures.services import require_program

TEXTS = ["Grüße aus Köln", "Καλημέρα κόσμε", "Добрый день", "你好，世界", "مرحبا بالعالم", "naïve ☕ 🎉"]


@pytest.mark.parametrize("text", TEXTS)
def test_old_excel_gives_sheets_in_order_with_dates_as_people_read_them(text: str) -> None:
    found = read(xls(text), declared="application/vnd.ms-excel")
    assert found.text.split("\n") == [
        "Erstes",
        f"{text}\t42.5\t7",
        "2025-01-01\t2025-01-01 12:00:00\tTRUE\t30:00:00",
        "Zweites",
        "7",
    ]
    assert found.metadata == {"sheets": 2}


@pytest.mark.parametrize("text", TEXTS)
def test_binary_excel_is_read(text: str) -> None:
    found = read(xlsb(text))
    assert found.text == f"Erstes\n{text}\n42.5"
    assert found.metadata == {"sheets": 1}


def test_old_excel_counts_from_1904_where_the_file_says_so() -> None:
    assert "2029-01-02\t2029-01-02 12:00:00" in read(xls("x", from_1904=True)).text


def test_old_excel_with_a_password_is_encrypted() -> None:
    found = read(xls("x", password=True))
    assert (found.outcome, found.reason) == (Extracted.SKIPPED, "encrypted")


def test_text_and_cells_are_cut_at_their_limits() -> None:
    many = tuple((row, 0, f"cell {row}", 0) for row in range(2, 100))
    for found in (read(xls("x", cells=many), text_chars=120), read(xls("x", cells=many), cells=20)):
        assert found.truncated
        assert "cell 5" in found.text
        assert "cell 50" not in found.text


def test_where_calamine_fails_the_second_reader_has_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    require_program("xls2csv")

    def fail(_seconds: float, _read: object, *_arguments: object) -> None:
        raise NotExtractedError("crashed")

    monkeypatch.setattr(calamine_sheets, "call_within", fail)
    monkeypatch.setattr(calamine_sheets, "told_cells", lambda _content: None)
    assert '"Grüße","42.5"' in read(xls("Grüße")).text
    assert read(xlsb("x")).reason == "crashed"
    monkeypatch.setattr(shutil, "which", lambda _program: None)
    assert read(xls("x")).reason == "crashed"


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_damage_has_an_outcome(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from([xls("x"), xlsb("x")]))
    damaged = bytearray(whole)
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=20)):
        damaged[at] = data.draw(st.integers(0, 255))
    assert read(bytes(damaged)).outcome in Extracted


@pytest.mark.parametrize(("last_row", "forks"), [(3, 0), (60_000, 1)])
def test_only_a_file_of_small_sheets_is_read_without_a_fork(
    last_row: int, forks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[float] = []

    def call(seconds: float, read: Callable[..., Any], *arguments: object) -> Any:
        begun.append(seconds)
        return read(*arguments)

    monkeypatch.setattr(calamine_sheets, "call_within", call)
    found = read(xls("walnut", cells=((last_row, 200, 1.0, 0),)), declared=EXCEL)
    assert "walnut" in found.text
    assert len(begun) == forks


@given(at=st.integers(0, 4_000), put=st.binary(min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_whatever_an_xls_says_of_its_size_is_a_number_or_nothing(at: int, put: bytes) -> None:
    data = xls("walnut")
    spoiled = data[:at] + put + data[at + len(put) :]
    try:
        cells = told_cells(Content(EXCEL, "", len(spoiled), data=spoiled))
    except NotExtractedError:
        return
    assert cells is None or cells >= 0


def test_the_cells_that_an_xls_tells_of() -> None:
    data = xls("walnut", cells=((9, 19, 1.0, 0),))
    assert told_cells(Content(EXCEL, "", len(data), data=data)) == 10 * 20 + 1
    data = xls("walnut", password=True)
    assert told_cells(Content(EXCEL, "", len(data), data=data)) is None
