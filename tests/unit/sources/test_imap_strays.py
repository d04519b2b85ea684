"""After a switch from the Gmail API to IMAP no living mail is taken for deleted, and none that is gone for living."""

from collections.abc import Callable

import pytest

from src.common.errors import SourceRefusedError
from src.imap.answers import Resync, Selected
from src.model.envelope import Kind, Place
from src.sources.imap.gmail import Whereabouts
from tests.fakes.clock import FakeClock
from tests.fakes.gmail.imap_view import ALL_MAIL, SPAM, TRASH, ImapView
from tests.fakes.gmail.mailbox import Mailbox
from tests.fakes.imap_mailbox import MemoryImapServer, MemorySession
from tests.fakes.pipeline_model import PipelineModel, Row
from tests.unit.sources.gmail_reading import ACCOUNT
from tests.unit.sources.imap_reading import Reader

MAILBOXES = (ALL_MAIL, SPAM, TRASH)


class SwitchedBack:
    """Three mails that the API told of last, two of them in All Mail and one in the trash; read through IMAP now."""

    def __init__(self) -> None:
        self.mailbox = Mailbox(ACCOUNT)
        self.view = ImapView(self.mailbox)
        self.model = PipelineModel()
        self.clock = FakeClock()
        self.ids = [self.mailbox.add(b"Subject: %d\r\n\r\n" % number) for number in range(3)]
        self.mailbox.trash(self.ids[2])
        for mail in self.mailbox.truth().values():
            self.model.rows[mail.id] = Row(mail.id, Place("Gmail"), mail.raw, tuple(sorted(mail.labels)), version=1)

    def read(self, name: str = ALL_MAIL, *, settle: bool = True) -> list[tuple[Kind, str]]:
        """Read one mailbox to its end; return what was told of mails that it does not hold."""
        reader = Reader(self.view.server, self.model, mailbox=name, siblings=MAILBOXES, clock=self.clock)
        reader.run(settle=settle)
        told = [one for batch in reader.batches for one in batch.envelopes]
        return [(one.kind, one.source_id) for one in told if one.place.mailbox != name]

    def living(self) -> set[str]:
        return {row.source_id for row in self.model.living()}


@pytest.fixture
def account() -> SwitchedBack:
    return SwitchedBack()


def test_mails_that_are_there_live_on_at_their_places(account: SwitchedBack) -> None:
    account.read()
    places = {row.source_id: row.place.mailbox for row in account.model.living()}
    assert places == dict(zip(account.ids, (ALL_MAIL, ALL_MAIL, TRASH), strict=True))
    assert account.view.server.bodies_fetched.total() == 0


def test_a_mail_that_is_gone_is_told_once_and_then_nothing_is_looked_for(account: SwitchedBack) -> None:
    account.mailbox.delete(account.ids[0])
    assert (Kind.DELETED, account.ids[0]) in account.read()
    assert account.living() == {*account.ids[1:]}
    account.clock.advance(7_200)
    opened = account.view.server.sessions_opened
    assert account.read() == []
    assert account.view.server.sessions_opened == opened + 1  # of the reader itself


def test_only_who_reads_all_mail_looks_for_strays(account: SwitchedBack) -> None:
    account.mailbox.delete(account.ids[0])
    assert account.read(TRASH) == []
    assert account.read(SPAM) == []
    assert account.living() == {*account.ids}


@pytest.mark.parametrize("hidden", [SPAM, TRASH])
def test_nothing_is_concluded_where_a_mailbox_is_not_shown(account: SwitchedBack, hidden: str) -> None:
    account.mailbox.delete(account.ids[0])
    account.view.server.mailboxes[hidden].flags = ()
    assert account.read() == []
    assert account.living() == {*account.ids}


def test_a_chat_that_only_the_api_has_lives_on(account: SwitchedBack) -> None:
    chat = account.mailbox.add(b"Subject: chat\r\n\r\n", labels=["CHAT"])
    account.model.rows[chat] = Row(chat, Place("Gmail"), b"", ("CHAT",), version=1)
    account.read()
    assert chat in account.living()


def test_an_archive_of_the_same_account_lives_on(account: SwitchedBack) -> None:
    account.model.rows["sha256:1"] = Row("sha256:1", Place("old.mbox"), b"", (), version=1)
    account.read()
    assert "sha256:1" in account.living()


def test_an_empty_list_of_a_full_mailbox_is_not_believed(account: SwitchedBack) -> None:
    server = account.view.server
    server.empty_searches = 1
    with pytest.raises(SourceRefusedError):
        list(Whereabouts(server.open_session, MAILBOXES).walk([ALL_MAIL]))


def test_a_mail_that_moved_while_all_were_listed_lives_on(account: SwitchedBack) -> None:
    """It is taken out of the trash after All Mail was listed, and before the trash is: it is in neither list."""
    _when_selected(account.view.server, SPAM, lambda: account.mailbox.untrash(account.ids[2]))
    assert account.read() == []
    assert account.living() == {*account.ids}


def _when_selected(server: MemoryImapServer, name: str, act: Callable[[], None]) -> None:
    log_in = server.open_session

    def open_session() -> MemorySession:
        session = log_in()
        select = session.select

        def select_and_act(mailbox: str, *, readonly: bool = True, resync: Resync | None = None) -> Selected:
            if mailbox == name:
                act()
            return select(mailbox, readonly=readonly, resync=resync)

        session.select = select_and_act  # type: ignore[method-assign]
        return session

    server.open_session = open_session  # type: ignore[method-assign]
