"""A hint in the midst of a backfill: new mail goes ahead of the old, without waiting for its minute."""

import threading

from tests.fakes.gmail.busy_user import BusyUser
from tests.fakes.gmail.mailbox import Mailbox
from tests.unit.sources.gmail_reading import GmailReader


def backfilling(mails: int) -> tuple[GmailReader, Mailbox]:
    """Return a reader that has just begun to walk the list of so many mails."""
    mailbox = Mailbox("someone@example.org")
    user = BusyUser(mailbox)
    for _ in range(mails):
        user.do("add")
    reader = GmailReader(mailbox)
    for _ in range(5):
        reader.step()
    assert reader.api.fetched
    return reader, mailbox


def steps_until_fetched(reader: GmailReader, mail_id: str) -> int:
    for step in range(100):
        if mail_id in reader.api.fetched:
            return step
        reader.step()
    raise AssertionError("never fetched")


def test_with_a_hint_new_mail_is_fetched_next() -> None:
    reader, mailbox = backfilling(40)
    new = mailbox.add(b"Subject: new\r\n\r\n")
    reader.interruption.hint()
    assert steps_until_fetched(reader, new) <= 2  # one batch was on its way already
    assert not reader.interruption.take_hint()


def test_without_a_hint_it_waits_for_its_turn() -> None:
    reader, mailbox = backfilling(40)
    new = mailbox.add(b"Subject: new\r\n\r\n")
    assert steps_until_fetched(reader, new) > 5


def test_wait_ends_by_a_hint_or_a_stop_and_says_that_something_may_be_new() -> None:
    reader, _ = backfilling(3)
    reader.run()
    for end in (reader.interruption.hint, reader.source.interrupt):
        timer = threading.Timer(0.05, end)
        timer.start()
        assert reader.source.wait(20.0)
        timer.join()
