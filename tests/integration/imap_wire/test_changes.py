"""What changed since: flags by CHANGEDSINCE, deletions by VANISHED, both at once by SELECT with QRESYNC."""

import pytest

from src.imap.answers import Resync
from src.imap.uid_set import UidSet
from tests.fixtures.dovecot import DovecotServer
from tests.integration.imap_wire.sessions import mail, open_session

pytestmark = pytest.mark.dovecot


@pytest.fixture
def user(dovecot: DovecotServer, dovecot_user: str) -> str:
    """Give a user with ten mails."""
    dovecot.deliver(dovecot_user, [mail(number) for number in range(1, 11)])
    return dovecot_user


def test_changed_flags_and_vanished_mails_since_a_modseq(dovecot: DovecotServer, user: str) -> None:
    with open_session(dovecot, user) as session:
        before = session.select("INBOX")
        dovecot.set_flags(user, [7], ("\\Seen",))
        dovecot.set_flags(user, [3], ("\\Flagged", "$Todo"))
        dovecot.expunge(user, [9, 2])
        session.noop()
        report = session.fetch_flags(changed_since=before.highestmodseq, vanished=True)
        assert [(change.uid, change.flags) for change in report.changes] == [
            (7, ("\\Seen",)),
            (3, ("$Todo", "\\Flagged")),
        ]
        modseqs = [change.modseq or 0 for change in report.changes]
        assert modseqs == sorted(modseqs)
        assert min(modseqs) > (before.highestmodseq or 0)
        assert report.vanished == UidSet.of([2, 9])

        within = session.fetch_flags(UidSet.of([1, 2, 3]), changed_since=before.highestmodseq, vanished=True)
        assert [change.uid for change in within.changes] == [3]
        assert within.vanished == UidSet.of([2])


def test_all_flags_without_modseq_are_the_whole_mailbox(dovecot: DovecotServer, user: str) -> None:
    dovecot.set_flags(user, [5], ("\\Seen",))
    with open_session(dovecot, user) as session:
        session.select("INBOX")
        report = session.fetch_flags()
    assert {change.uid for change in report.changes} == set(range(1, 11))
    assert {change.uid for change in report.changes if change.flags} == {5}
    assert not report.vanished


def test_select_with_resync_tells_all_at_once(dovecot: DovecotServer, user: str) -> None:
    with open_session(dovecot, user) as session:
        before = session.select("INBOX")
    dovecot.set_flags(user, [4], ("\\Answered",))
    dovecot.expunge(user, [6])
    dovecot.deliver(user, mail(11))
    with open_session(dovecot, user) as session:
        since = Resync(before.uidvalidity, before.highestmodseq or 0, UidSet(((1, 10),)))
        selected = session.select("INBOX", resync=since)
        assert selected.resynced
        assert selected.vanished == UidSet.of([6])
        assert {change.uid: change.flags for change in selected.changed}[4] == ("\\Answered",)
        assert selected.exists == 10
        assert not session.noop()  # what the answer told is no news


def test_a_stale_uidvalidity_is_not_taken_for_no_change(dovecot: DovecotServer, user: str) -> None:
    with open_session(dovecot, user) as session:
        selected = session.select("INBOX", resync=Resync(12345, 1))
    assert not selected.resynced
    assert (selected.vanished, selected.changed) == (UidSet(), ())


def test_asking_for_what_the_server_lacks_is_a_mistake_of_ours(dovecot: DovecotServer, user: str) -> None:
    with open_session(dovecot, user) as session:
        session.select("INBOX")
        with pytest.raises(ValueError):
            session.fetch_flags(vanished=True)
