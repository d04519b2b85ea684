"""What the settings ask for, in the API's words."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.settings import load
from src.common.errors import MailboxMissingError
from src.sources.gmail.filters import label_ids_of, query_of, wanted_from
from src.sources.gmail.id_set import IdSet
from src.sources.gmail.visit import Wanted
from src.sync.gmail_values import Label
from tests.fakes.gmail.busy_user import BusyUser
from tests.fakes.gmail.mailbox import Mailbox
from tests.unit.sources.gmail_reading import GmailReader

LABELS = [
    Label("INBOX", "INBOX", is_system=True),
    Label("Label_1", "Work", is_system=False),
    Label("Label_2", "label_1", is_system=False),
]
_filters = st.builds(
    Wanted,
    label_ids=st.frozensets(st.sampled_from(["INBOX", "SENT", "STARRED"]), max_size=2),
    spam_and_trash=st.booleans(),
    drafts=st.booleans(),
)
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
    asked = load(_env_file=None, gmail_labels=" Work, INBOX ,", gmail_since="2024-01-31", gmail_drafts="true")
    assert wanted_from(asked) == Wanted("after:1706659200", frozenset({"Work", "INBOX"}), drafts=True)
    assert wanted_from(load(_env_file=None, gmail_since="")) == Wanted()


@given(
    before=_filters,
    now=_filters,
    steps=st.integers(0, 12),
    seed=st.integers(0, 2**32),
    mails=st.integers(0, 20),
)
@settings(max_examples=100, deadline=None)
def test_other_filters_bring_what_the_ones_before_left_out(
    before: Wanted, now: Wanted, steps: int, seed: int, mails: int
) -> None:
    mailbox = Mailbox("someone@example.org", seed=seed)
    user = BusyUser(mailbox, seed)
    for _ in range(mails):
        user.act()
    reader = GmailReader(mailbox, wanted=before)
    for _ in range(steps):  # the list is left at any of its pages
        reader.step()
    reader.wanted = now
    reader.restart()
    reader.run()
    assert reader.truth(now).items() <= reader.stored().items()


def test_the_same_filters_walk_the_list_once() -> None:
    mailbox = Mailbox("someone@example.org")
    for number in range(7):
        mailbox.add(b"Subject: %d\r\n\r\n" % number)
    reader = GmailReader(mailbox, wanted=Wanted(label_ids=frozenset({"inbox", "SENT"})))
    reader.run()
    reader.restart()
    calls: list[str] = []
    reader.api.before_call = calls.append
    reader.run()
    assert calls.count("list") == 0
    assert len(reader.api.fetched) == 7


@given(wanted=_filters, other=_filters)
def test_a_mark_tells_filters_apart(wanted: Wanted, other: Wanted) -> None:
    assert (wanted.mark == other.mark) == (wanted == other)
    assert (wanted.mark == "") == (wanted == Wanted())
