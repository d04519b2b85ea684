"""What the settings ask for, in the API's words."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import load
from src.common.errors import MailboxMissingError
from src.sources.gmail.filters import label_ids_of, query_of, wanted_from
from src.sources.gmail.id_set import IdSet
from src.sources.gmail.visit import Wanted
from src.sync.gmail_values import Label

LABELS = [
    Label("INBOX", "INBOX", is_system=True),
    Label("Label_1", "Work", is_system=False),
    Label("Label_2", "label_1", is_system=False),
]
_ids = st.integers(0, 2**64 - 1).map(lambda number: f"{number:016x}")


@given(ids=st.lists(_ids), asked=st.lists(_ids))
def test_a_set_of_ids_holds_what_was_put_in(ids: list[str], asked: list[str]) -> None:
    found = IdSet(ids)
    assert len(found) == len(set(ids))
    assert [each in found for each in [*ids, *asked]] == [each in set(ids) for each in [*ids, *asked]]


@pytest.mark.parametrize(
    ("query", "since", "expected"),
    [
        ("", None, ""),
        ("from:ada", None, "from:ada"),
        ("", date(2024, 1, 31), "after:1706659200"),
        ("from:ada", date(2024, 1, 31), "from:ada after:1706659200"),
    ],
)
def test_a_day_is_told_in_seconds(query: str, since: date | None, expected: str) -> None:
    assert query_of(query, since) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [({"INBOX"}, {"INBOX"}), ({"inbox", "WORK"}, {"INBOX", "Label_1"}), ({"Label_1"}, {"Label_1"}), (set(), set())],
)
def test_labels_are_written_as_names_or_ids(written: set[str], expected: set[str]) -> None:
    assert label_ids_of(written, LABELS) == expected


def test_a_label_that_the_account_does_not_have_is_said_without_its_name() -> None:
    with pytest.raises(MailboxMissingError, match="1 of 2") as caught:
        label_ids_of({"INBOX", "Privat"}, LABELS)
    assert "Privat" not in str(caught.value)


def test_settings_become_filters() -> None:
    settings = load(_env_file=None, gmail_labels=" Work, INBOX ,", gmail_since="2024-01-31", gmail_drafts="true")
    assert wanted_from(settings) == Wanted("after:1706659200", frozenset({"Work", "INBOX"}), drafts=True)
    assert wanted_from(load(_env_file=None, gmail_since="")) == Wanted()
