"""Mailboxes of a real server: names, numbers, and the ways a mailbox can go."""

import pytest

from src.common.errors import MailboxMissingError, SourceUnavailableError
from src.imap.uid_set import UidSet
from tests.fixtures.dovecot import DovecotServer
from tests.integration.imap_wire.sessions import mail, open_session

pytestmark = pytest.mark.dovecot

ODD_NAMES = ["Entwürfe & Co", "日本語/メール", 'quo"te', "two  blanks", "R&D", "a{3}"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_are_listed_and_selected(dovecot: DovecotServer, dovecot_user: str, name: str) -> None:
    dovecot.deliver(dovecot_user, mail(1), mailbox=name)
    with open_session(dovecot, dovecot_user) as session:
        listed = {mailbox.name: mailbox for mailbox in session.list_mailboxes()}
        assert listed[name].is_selectable
        assert listed[name].delimiter == "/"
        assert session.select(name).exists == 1
        assert session.status(name).messages == 1


def test_special_use_is_told(dovecot: DovecotServer, dovecot_user: str) -> None:
    dovecot.create_mailbox(dovecot_user, "Trash")
    dovecot.create_mailbox(dovecot_user, "Level/Deep")
    with open_session(dovecot, dovecot_user) as session:
        listed = {mailbox.name: mailbox for mailbox in session.list_mailboxes()}
    assert listed["Trash"].has_flag("\\trash")
    assert not listed["INBOX"].has_flag("\\Trash")
    assert not listed["Level"].is_selectable


def test_select_and_status_tell_the_same_numbers(dovecot: DovecotServer, dovecot_user: str) -> None:
    dovecot.deliver(dovecot_user, [mail(1), mail(2), mail(3)])
    dovecot.expunge(dovecot_user, [3])
    with open_session(dovecot, dovecot_user) as session:
        status, selected = session.status("INBOX"), session.select("INBOX")
    assert (status.messages, status.uidnext, status.uidvalidity, status.highestmodseq) == (
        selected.exists,
        selected.uidnext,
        selected.uidvalidity,
        selected.highestmodseq,
    )
    assert (selected.exists, selected.uidnext) == (2, 4)
    assert selected.is_readonly
    assert selected.uidvalidity > 0


def test_examine_leaves_recent_and_select_for_writing_is_possible(dovecot: DovecotServer, dovecot_user: str) -> None:
    with open_session(dovecot, dovecot_user) as session:
        assert not session.select("INBOX", readonly=False).is_readonly


def test_a_missing_mailbox_has_its_own_error_and_the_session_lives(dovecot: DovecotServer, dovecot_user: str) -> None:
    with open_session(dovecot, dovecot_user) as session:
        for attempt in (session.select, session.status):
            with pytest.raises(MailboxMissingError, match="IMAP_MAILBOX"):
                attempt("No such box")
        assert session.select("INBOX").exists == 0


def test_a_mailbox_deleted_while_open_ends_the_session(dovecot: DovecotServer, dovecot_user: str) -> None:
    dovecot.deliver(dovecot_user, mail(1), mailbox="Box")
    with open_session(dovecot, dovecot_user) as session:
        session.select("Box")
        dovecot.delete_mailbox(dovecot_user, "Box")
        with pytest.raises(SourceUnavailableError):
            _ = [session.noop() for _ in range(3)]  # Dovecot needs a moment to notice
        assert session.is_closed
    with open_session(dovecot, dovecot_user) as session, pytest.raises(MailboxMissingError):
        session.select("Box")


def test_a_changed_uidvalidity_is_seen(dovecot: DovecotServer, dovecot_user: str) -> None:
    dovecot.deliver(dovecot_user, [mail(1), mail(2)])
    with open_session(dovecot, dovecot_user) as session:
        before = session.select("INBOX")
    dovecot.change_uidvalidity(dovecot_user)
    with open_session(dovecot, dovecot_user) as session:
        after = session.select("INBOX")
        assert after.uidvalidity != before.uidvalidity
        assert after.exists == before.exists == 2
        assert session.search_uids() == UidSet(((1, 2),))


def test_search_never_names_a_uid_outside_what_was_asked(dovecot: DovecotServer, dovecot_user: str) -> None:
    dovecot.deliver(dovecot_user, [mail(number) for number in range(1, 6)])
    dovecot.expunge(dovecot_user, [2])
    with open_session(dovecot, dovecot_user) as session:
        session.select("INBOX")
        assert list(session.search_uids()) == [1, 3, 4, 5]
        assert list(session.search_uids(first=4)) == [4, 5]
        assert list(session.search_uids(first=6)) == []  # `6:*` finds UID 5 on every server
        assert list(session.search_uids(2, 4)) == [3, 4]
        assert list(session.search_uids(4, 2)) == []


def test_an_empty_mailbox_has_no_uids(dovecot: DovecotServer, dovecot_user: str) -> None:
    with open_session(dovecot, dovecot_user) as session:
        session.select("INBOX")
        assert not session.search_uids()
        assert list(session.fetch_mails([])) == []
        assert session.fetch_flags().changes == ()
