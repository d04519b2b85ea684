"""The fake's own truth: whoever replays the history knows the mailbox."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.gmail.busy_user import ACTS, Act, BusyUser, synthetic_mail
from tests.fakes.gmail.history import Change, HistoryExpiredError
from tests.fakes.gmail.mailbox import Mailbox
from tests.fakes.gmail.search import asks_for_hidden, fits

acts = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 1_000)), max_size=30)


def carry_out(done: list[tuple[Act, int]], mailbox: Mailbox) -> None:
    for name, seed in done:
        BusyUser(mailbox, seed).do(name)


@given(acts, acts)
def test_history_from_any_marker_leads_from_the_truth_then_to_the_truth_now(
    before: list[tuple[Act, int]], after: list[tuple[Act, int]]
) -> None:
    mailbox = Mailbox("ada@example.org")
    carry_out(before, mailbox)
    marker, known = mailbox.history_id, {mail.id: mail.labels for mail in mailbox.truth().values()}
    carry_out(after, mailbox)
    for record in mailbox.records_between(marker, mailbox.history_id):
        for entry in record.entries:
            if entry.change is Change.DELETED:
                known.pop(entry.mail_id)
            else:
                known[entry.mail_id] = entry.labels
    assert known == {mail.id: mail.labels for mail in mailbox.truth().values()}


@given(acts)
def test_ids_grow_with_gaps_and_lists_are_newest_first(done: list[tuple[Act, int]]) -> None:
    mailbox = Mailbox("ada@example.org")
    start = mailbox.history_id
    carry_out(done, mailbox)
    ids = [record.id for record in mailbox.records_between(start, mailbox.history_id)]
    assert ids == sorted(set(ids))
    assert all(mail.history_id in ids for mail in mailbox.truth().values())
    listed = list(mailbox.newest_first())
    assert [mail.age for mail in listed] == sorted((mail.age for mail in listed), reverse=True)
    assert {mail.id for mail in listed} == set(mailbox.truth())


def test_a_busy_user_does_everything_and_the_same_for_the_same_seed() -> None:
    boxes = [Mailbox("ada@example.org") for _ in range(2)]
    users = [BusyUser(box, seed=3) for box in boxes]
    assert {users[0].act() for _ in range(300)} == {users[1].act() for _ in range(300)} == set(ACTS)
    assert boxes[0].truth() == boxes[1].truth() != {}


def test_synthetic_mails_differ_and_have_the_size() -> None:
    mails = [synthetic_mail(number, size=30_000) for number in range(3)]
    assert len(set(mails)) == 3
    assert all(29_000 < len(mail) < 31_000 for mail in mails)


def test_ids_and_hashes_are_of_the_real_form() -> None:
    mailbox = Mailbox("ada@example.org")
    mailbox.add(b"hello")
    (mail,) = mailbox.truth().values()
    assert len(mail.id) == 16
    assert int(mail.id, 16) > 0
    assert mail.sha256 == hashlib.sha256(b"hello").hexdigest()
    assert mail.thread_id == mail.id
    reply = mailbox.add(b"re", thread_id=mail.id)
    assert mailbox.truth()[reply].thread_id == mail.id


def test_a_new_draft_is_a_new_mail_in_the_same_thread() -> None:
    mailbox = Mailbox("ada@example.org")
    first = mailbox.save_draft(b"one")
    second = mailbox.save_draft(b"two", replaces=first)
    (mail,) = mailbox.truth().values()
    assert mail.id == second != first
    assert mail.thread_id == first


def test_expired_history_refuses_older_starts_only() -> None:
    mailbox = Mailbox("ada@example.org")
    markers = [mailbox.history_id]
    for number in range(3):
        mailbox.add(b"%d" % number)
        markers.append(mailbox.history_id)
    mailbox.expire_history(before=markers[1])
    with pytest.raises(HistoryExpiredError):
        mailbox.records_between(markers[0], mailbox.history_id)
    assert len(mailbox.records_between(markers[1], mailbox.history_id)) == 2
    mailbox.expire_history()
    with pytest.raises(HistoryExpiredError):
        mailbox.records_between(markers[-1], mailbox.history_id)
    assert mailbox.records_between(mailbox.history_id, mailbox.history_id) == []


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("", True),
        ("from:ada", True),
        ("from:bob", False),  # he is in the body only
        ("bob", True),
        ("-bob", False),
        ("label:big-work", True),  # blanks are hyphens
        ('label:"Big Work"', True),
        ("label:other", False),
        ("in:inbox", True),
        ("in:trash", False),
        ("-in:trash from:ada", True),
        ("after:1767225600 before:1767225601", True),  # the moment itself is after, not before
        ("before:1767225600", False),
        ("after:2026/01/01", False),  # midnight at UTC-8 is eight hours later
        ("after:2025/12/31", True),
    ],
)
def test_search_words(query: str, is_found: bool) -> None:
    mailbox = Mailbox("ada@example.org")
    label = mailbox.create_label("Big Work")
    mailbox.add(b"From: Ada <ada@example.org>\r\n\r\nFrom: bob", labels=["INBOX", label])  # at 2026-01-01T00:00:00Z
    (mail,) = mailbox.truth().values()
    assert fits(query, mailbox)(mail) is is_found


def test_naming_spam_or_trash_shows_them() -> None:
    assert asks_for_hidden("from:ada in:spam")
    assert asks_for_hidden("in:anywhere")
    assert not asks_for_hidden("-in:trash")
