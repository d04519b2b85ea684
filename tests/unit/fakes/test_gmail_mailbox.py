"""The fake's own truth: whoever replays the history knows the mailbox."""

import hashlib
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.gmail.history import Change, HistoryExpiredError
from tests.fakes.gmail.mailbox import Mailbox
from tests.fakes.gmail.search import asks_for_hidden, fits

ACTS = ("add", "draft", "delete", "trash", "untrash", "star", "read", "delete_label")


def act(mailbox: Mailbox, name: str, chance: int) -> None:
    """Do one thing that a user may do."""
    rng = Random(chance)
    ids = rng.sample(present := sorted(mailbox.truth()), k=min(len(present), rng.randint(1, 3)))
    match name:
        case "add":
            mailbox.add(b"Subject: %d\r\n\r\n" % chance)
        case "draft":
            drafts = [mail.id for mail in mailbox.truth().values() if "DRAFT" in mail.labels]
            mailbox.save_draft(b"%d" % chance, replaces=rng.choice(drafts) if drafts else None)
        case "delete" if ids:
            mailbox.delete(*ids)
        case "trash":
            mailbox.trash(*ids)
        case "untrash":
            mailbox.untrash(*ids)
        case "star":
            mailbox.relabel(*ids, add=["STARRED"], remove=["UNREAD"])
        case "read":
            mailbox.relabel(*ids, remove=["UNREAD", "INBOX"])
        case "delete_label":
            label = mailbox.create_label("work")
            mailbox.relabel(*ids, add=[label])
            mailbox.delete_label(label)


acts = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 1_000)), max_size=30)


@given(acts, acts)
def test_history_from_any_marker_leads_from_the_truth_then_to_the_truth_now(
    before: list[tuple[str, int]], after: list[tuple[str, int]]
) -> None:
    mailbox = Mailbox("ada@example.org")
    for name, chance in before:
        act(mailbox, name, chance)
    marker, known = mailbox.history_id, {mail.id: mail.labels for mail in mailbox.truth().values()}
    for name, chance in after:
        act(mailbox, name, chance)
    for record in mailbox.records_between(marker, mailbox.history_id):
        for entry in record.entries:
            if entry.change is Change.DELETED:
                known.pop(entry.mail_id)
            else:
                known[entry.mail_id] = entry.labels
    assert known == {mail.id: mail.labels for mail in mailbox.truth().values()}


@given(acts)
def test_ids_grow_with_gaps_and_lists_are_newest_first(done: list[tuple[str, int]]) -> None:
    mailbox = Mailbox("ada@example.org")
    start = mailbox.history_id
    for name, chance in done:
        act(mailbox, name, chance)
    ids = [record.id for record in mailbox.records_between(start, mailbox.history_id)]
    assert ids == sorted(set(ids))
    assert all(mail.history_id in ids for mail in mailbox.truth().values())
    listed = list(mailbox.newest_first())
    assert [mail.age for mail in listed] == sorted((mail.age for mail in listed), reverse=True)
    assert {mail.id for mail in listed} == set(mailbox.truth())


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
