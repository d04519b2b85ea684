"""Gmail over IMAP: a mail is one row under Gmail's own id, wherever it lies, and deleted only when it is nowhere."""

import pytest

from src.common.errors import LoginRefusedError
from src.model.envelope import Kind
from tests.fakes.clock import FakeClock
from tests.fakes.imap_mailbox import MemoryImapServer, MemoryMailbox, Profile
from tests.fakes.pipeline_model import PipelineModel
from tests.unit.sources.imap_reading import Reader

NAMES = {"[Gmail]/All Mail": "\\All", "[Gmail]/Spam": "\\Junk", "[Gmail]/Trash": "\\Trash"}
ALL, _SPAM, TRASH = NAMES


class Gmail:
    """An account with five mails in All Mail, and a reader for each of the three mailboxes."""

    def __init__(self) -> None:
        self.server = MemoryImapServer(Profile("gmail", condstore=True, gmail=True))
        self.model = PipelineModel()
        self.clock = FakeClock()
        for name, flag in NAMES.items():
            self.server.mailboxes[name] = MemoryMailbox(10, (flag,))
        for _ in range(5):
            mail = self.server.new_mail()
            mail.labels = frozenset({"\\Inbox", "work"})
            self.box(ALL).put(mail)
        self.readers = {
            name: Reader(self.server, self.model, mailbox=name, clock=self.clock, siblings=tuple(NAMES))
            for name in NAMES
        }

    def box(self, name: str) -> MemoryMailbox:
        return self.server.mailboxes[name]

    def read(self, *names: str) -> None:
        """Read these mailboxes, or all, in order."""
        for name in names or NAMES:
            self.readers[name].run()

    def let_an_hour_pass(self) -> None:
        self.clock.advance(3600)

    def told(self) -> list[tuple[Kind, str]]:
        """Return what was told since, with the mailbox it was told of, and forget it."""
        batches = [batch for reader in self.readers.values() for batch in reader.batches]
        for reader in self.readers.values():
            reader.batches.clear()
        return [(one.kind, one.place.mailbox) for batch in batches for one in batch.envelopes]


@pytest.fixture
def gmail() -> Gmail:
    """Give the account, read to its end."""
    account = Gmail()
    account.read()
    account.told()
    return account


def test_ids_and_labels_are_gmails(gmail: Gmail) -> None:
    row = gmail.model.rows["0000000000000001"]
    assert row.labels == ("\\Inbox", "work")
    assert len(gmail.model.rows) == 5


def test_mail_moved_to_another_mailbox_is_told_as_changed_and_not_fetched_again(gmail: Gmail) -> None:
    gmail.box(TRASH).put(gmail.box(ALL).take(2))
    gmail.read()
    assert gmail.told() == [(Kind.CHANGED, TRASH)]
    gmail.let_an_hour_pass()
    gmail.read()
    assert gmail.told() == []
    assert gmail.server.bodies_fetched.total() == 5
    assert len(gmail.model.living(TRASH)) == 1


def test_move_seen_first_by_the_mailbox_it_left_is_no_deletion(gmail: Gmail) -> None:
    gmail.box(TRASH).put(gmail.box(ALL).take(2))
    gmail.let_an_hour_pass()
    gmail.read(ALL)
    assert gmail.told() == [(Kind.CHANGED, TRASH)]
    assert len(gmail.model.living()) == 5


def test_mail_that_is_nowhere_any_more_is_deleted(gmail: Gmail) -> None:
    gmail.box(ALL).take(3)
    gmail.let_an_hour_pass()
    gmail.read()
    assert gmail.told() == [(Kind.DELETED, ALL)]


def test_mailbox_that_cannot_be_looked_through_stops_the_deletion(gmail: Gmail) -> None:
    gmail.box(ALL).take(3)
    gmail.let_an_hour_pass()
    gmail.server.refused_logins = 1  # of the second connection, which looks through the others
    with pytest.raises(LoginRefusedError):
        gmail.read(ALL)
    assert gmail.told() == []
    assert len(gmail.model.living()) == 5


def test_changed_labels_arrive(gmail: Gmail) -> None:
    mail = gmail.box(ALL).mails[4]
    mail.labels, mail.flags = frozenset({"home"}), frozenset({"\\Seen"})
    gmail.box(ALL).touch(mail)
    gmail.read()
    assert gmail.told() == [(Kind.CHANGED, ALL)]
    assert gmail.model.rows["0000000000000004"].labels == ("\\Seen", "home")


def test_a_renumbering_is_heard_though_the_streams_clock_is_behind_the_database(gmail: Gmail) -> None:
    ahead = int(gmail.readers[ALL].clock.now().timestamp() * 1_000_000) + 10**12  # eleven days
    for row in gmail.model.rows.values():
        row.version = ahead
    gmail.box(ALL).renumber(11, gap=50)
    gmail.readers[ALL].run()
    assert {row.place.uidvalidity for row in gmail.model.living(ALL)} == {11}


def test_renumbering_fetches_nothing_and_needs_no_waiting(gmail: Gmail) -> None:
    gmail.box(ALL).renumber(11, gap=50)
    gmail.readers[ALL].run(settle=False)
    gmail.model.work()
    assert gmail.server.bodies_fetched.total() == 5
    assert {row.place.uidvalidity for row in gmail.model.living(ALL)} == {11}
    gmail.let_an_hour_pass()
    gmail.told()
    gmail.read()
    assert gmail.told() == []
