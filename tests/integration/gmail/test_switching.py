"""One account, both ways, through real wires, Redis, workers and SQLite: `compare` sees one mailbox, and switching from
IMAP to the API and back stores nothing twice, loses nothing, and leaves labels and deletes as the way of reading tells.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from src.auth.google_oauth import IMAP_SCOPE
from src.common import exit_codes
from src.common.redis_client import connect
from src.sources.gmail.visit import MAILBOX
from src.store.opening import open_store
from src.store.protocol import KnownMail
from src.stream.options import options_from
from src.stream.redis_stream import RedisStream
from tests.fakes.gmail.busy_user import BusyUser
from tests.fakes.gmail.fake_gmail import READ_SCOPE
from tests.fakes.gmail.imap_server import ImapServer
from tests.fakes.gmail.imap_view import ALL_MAIL, SPAM, TRASH, ImapView
from tests.integration.gmail.home import GmailHome

LABEL = "Rechnungen/Größe & Maß"
THROUGH_IMAP = {"USE_GMAIL_API": "false", "SOURCE": "imap", "IMAP_RECONCILE_INTERVAL_SECONDS": "0.001"}


class Both:
    """The account, as it is read through IMAP and through the API."""

    def __init__(self, home: GmailHome) -> None:
        self.mailbox = home.gmail.mailbox
        self.user = BusyUser(self.mailbox, seed=4)
        for _ in range(30):
            self.user.do("add")
        for _ in range(20):
            self.user.act()
        self.label = self.mailbox.create_label(LABEL)
        self.mailbox.relabel(*list(self.mailbox.truth())[:5], add=[self.label])
        self.view = ImapView(self.mailbox)
        self.server = ImapServer(self.view.server)
        settings = {**self.server.settings(), "IMAP_USER": home.account}
        self.api = GmailHome(home.folder, home.gmail, **{**home.settings, **settings})
        self.imap = GmailHome(home.folder, home.gmail, **{**self.api.settings, **THROUGH_IMAP})

    def compare(self, *arguments: str, expect: int = exit_codes.OK) -> dict[str, Any]:
        told: dict[str, Any] = self.api.json("compare", *arguments, expect=expect)
        return told

    def rows(self) -> list[KnownMail]:
        """Return every row of the account, deleted ones included."""
        store = open_store(self.api.settings["DATABASE_URL"])
        try:
            return list(store.known_mails(self.api.account))
        finally:
            store.close()

    def expected_fresh(self) -> set[str]:
        """Return the mailboxes that are expected to be read."""
        (account,) = self.api.json("status")["accounts"]
        return {box["mailbox"] for box in account["mailboxes"] if box["retired_at"] is None}

    def living(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Return what the database shows, drafts aside: the API leaves them out."""
        stored = self.api.stored().items()
        return {mail_id: told for mail_id, told in stored if not {"DRAFT", "\\Draft"} & set(told[1])}

    def shown_by_imap(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Return what the database should show after reading through IMAP."""
        mails = self.mailbox.truth()
        boxes = [self.view.server.mailboxes[name] for name in (ALL_MAIL, SPAM, TRASH)]
        shown = {f"{mail.number:016x}": mail for box in boxes for mail in box.mails.values()}
        return {
            mail_id: (mails[mail_id].sha256, tuple(sorted(mail.labels | mail.flags)))
            for mail_id, mail in shown.items()
            if "\\Draft" not in mail.labels
        }


@pytest.fixture
def both(home: GmailHome) -> Iterator[Both]:
    opened = Both(home)
    yield opened
    opened.server.close()


def test_compare_sees_one_mailbox_over_both_wires_and_what_differs(both: Both) -> None:
    mails = len(both.mailbox.truth())
    told = both.compare("--sample", "6")
    assert (told["imap"], told["api"], told["both"]) == (mails, mails, mails)
    assert len(told["sample"]) == 6
    assert all(pair["imap"] == pair["api"] for pair in told["sample"])

    uid, lost = next(iter(both.view.server.mailboxes[ALL_MAIL].mails.items()))
    both.view.server.mailboxes[ALL_MAIL].take(uid)
    told = both.compare("--sample", "0", expect=exit_codes.INCOMPLETE)
    assert [mail["source_id"] for mail in told["only_api"]] == [f"{lost.number:016x}"]
    assert (told["only_imap"], told["labels"]) == ([], [])


def test_compare_with_a_token_for_the_api_alone_says_what_is_needed(both: Both) -> None:
    said = both.api.having(IMAP_AUTH="xoauth2").cli("compare", expect=exit_codes.OPERATOR_NEEDED)
    assert "--auth-setup" in said.stderr
    assert "[scope_missing]" in said.stderr
    assert READ_SCOPE.rpartition("/")[2] not in said.stdout


def test_one_sign_in_with_full_access_serves_both(both: Both) -> None:
    both.api.sign_in(IMAP_SCOPE)
    both.api.having(IMAP_AUTH="xoauth2").cli("compare", "--sample", "1")


def test_two_accounts_are_not_compared(both: Both) -> None:
    said = both.api.having(IMAP_USER="other@example.org").cli("compare", expect=exit_codes.USAGE)
    assert "GMAIL_USER" in said.stderr
    both.api.cli("compare", "--account", "stranger@example.org", expect=exit_codes.USAGE)


def test_switching_there_and_back_stores_nothing_twice(both: Both) -> None:
    both.imap.sync()
    assert both.living() == both.shown_by_imap()
    rows = {mail.source_id for mail in both.rows()}

    for _ in range(15):
        both.user.act()
    new = both.mailbox.truth().keys() - rows
    both.mailbox.delete(*list(rows & both.mailbox.truth().keys())[:2])
    both.api.sync()
    assert both.living() == both.api.truth()
    assert {mail.place.mailbox for mail in both.rows() if not mail.is_deleted} == {MAILBOX}
    assert both.api.verdict()["is_complete"] is True
    assert both.expected_fresh() == {MAILBOX}
    assert set(both.api.gmail.gets_by_id()) <= new  # what was stored is not fetched again
    fetched_by_imap = both.view.server.bodies_fetched.copy()

    for _ in range(15):
        both.user.act()
    newer = {int(mail_id, 16) for mail_id in both.mailbox.truth().keys() - {mail.source_id for mail in both.rows()}}
    both.mailbox.delete(*list(rows & both.mailbox.truth().keys())[:2])
    both.imap.sync()
    assert both.living() == both.shown_by_imap()
    assert set(both.view.server.bodies_fetched - fetched_by_imap) <= newer
    assert MAILBOX not in {mail.place.mailbox for mail in both.rows() if not mail.is_deleted}
    assert both.imap.verdict()["is_complete"] is True
    assert both.expected_fresh() == {ALL_MAIL, SPAM, TRASH}

    ids = [mail.source_id for mail in both.rows()]
    assert len(ids) == len(set(ids))


def test_what_imap_left_on_the_stream_is_taken_over(both: Both) -> None:
    both.imap.produce()  # no worker yet: all of it waits
    waiting = list(both.mailbox.truth())
    both.mailbox.delete(*waiting[:3])
    both.mailbox.relabel(*waiting[4:8], add=["STARRED", both.label])
    both.api.produce()
    assert both.api.gmail.gets_by_id().total() == 0  # each mail is on its way already
    both.api.drain()
    assert both.living() == both.api.truth()
    assert len({mail.source_id for mail in both.rows()}) == len(both.rows())
    assert _on_its_way(both) == 0


def _on_its_way(both: Both) -> int:
    settings = both.api.loaded()
    connection = connect(settings)
    try:
        stats = RedisStream(connection, options_from(settings)).stats()
    finally:
        connection.close()
    return stats.waiting + stats.retries + stats.dead
