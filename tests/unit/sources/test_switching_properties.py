"""An account that is read through IMAP, then through the API, then back: whatever happens to the mailbox meanwhile,
each mail is one row, fetched once, and at the end of each stay the database shows what that way of reading shows.
"""

from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from src.common.instruments import GMAIL_DRIFT
from src.common.logs import account_tag
from src.sources.gmail.snapshot import Drift
from src.sources.gmail.visit import MAILBOX
from tests.fakes.clock import FakeClock
from tests.fakes.gmail.busy_user import ACTS, Act, BusyUser
from tests.fakes.gmail.imap_view import ALL_MAIL, SPAM, TRASH, ImapView
from tests.fakes.gmail.mailbox import Mailbox
from tests.fakes.pipeline_model import PipelineModel
from tests.unit.sources.gmail_reading import ACCOUNT, PASSING, GmailReader
from tests.unit.sources.imap_reading import PASSING as PASSING_IMAP
from tests.unit.sources.imap_reading import Reader

MAILBOXES = (ALL_MAIL, SPAM, TRASH)
Event = Act | Literal["step", "work", "switch", "expire"]
Shown = dict[str, tuple[bytes, tuple[str, ...]]]
_events = st.lists(st.one_of(st.sampled_from(ACTS), st.sampled_from(["step", "work", "switch", "expire"])), max_size=50)


class Account:
    """One account with a producer that may be switched over; the one that reads now is `reads_api`."""

    def __init__(self, *, seed: int = 0, mails: int = 0) -> None:
        self.mailbox = Mailbox(ACCOUNT, seed=seed)
        self.user = BusyUser(self.mailbox, seed)
        self.view = ImapView(self.mailbox)
        for _ in range(mails):
            self.user.do("add")
        self.model = PipelineModel()
        self.api = GmailReader(self.mailbox, self.model)
        self.clock = FakeClock()
        self.imap = [
            Reader(self.view.server, self.model, mailbox=name, siblings=MAILBOXES, clock=self.clock)
            for name in MAILBOXES
        ]
        self.reads_api = False

    def switch(self) -> None:
        """End the producer, and start one that reads the other way."""
        self.reads_api = not self.reads_api
        self.clock.advance(7_200.0)  # a comparison over IMAP is due
        self.api.restart()
        for reader in self.imap:
            reader.restart()

    def step(self) -> None:
        """Read a little."""
        for reader in [self.api] if self.reads_api else self.imap:
            try:
                reader.step()
            except (*PASSING, *PASSING_IMAP):
                reader.held = None

    def settle(self) -> None:
        """Read to the end, workers working; twice, for what became visible at the end of the first look."""
        for _ in range(2):
            if self.reads_api:
                self.api.run()
            else:
                self.clock.advance(7_200.0)
                for reader in self.imap:
                    reader.run()

    def shown(self) -> Shown:
        """Return what the database shows: mails by id, with their labels. Drafts aside: the API leaves them out."""
        rows = self.model.living()
        shown = {row.source_id: (row.raw or b"", row.labels) for row in rows}
        assert {row.place.mailbox for row in rows} <= ({MAILBOX} if self.reads_api else {*MAILBOXES})
        return {mail_id: found for mail_id, found in shown.items() if not {"DRAFT", "\\Draft"} & {*found[1]}}

    def truth(self) -> Shown:
        """Return what it should show."""
        if self.reads_api:
            return self.api.truth()
        self.view.refresh()
        boxes = [self.view.server.mailboxes[name] for name in MAILBOXES]
        mails = [mail for box in boxes for mail in box.mails.values() if "\\Draft" not in mail.labels]
        return {f"{mail.number:016x}": (mail.raw, tuple(sorted(mail.labels | mail.flags))) for mail in mails}


@given(events=_events, seed=st.integers(0, 2**32), mails=st.integers(0, 8), ends_with_api=st.booleans())
@settings(max_examples=150, deadline=None)
def test_the_database_shows_the_mailbox_whichever_way_it_is_read(
    events: list[Event], seed: int, mails: int, ends_with_api: bool
) -> None:
    account = Account(seed=seed, mails=mails)
    for event in events:
        match event:
            case "step":
                account.step()
            case "work":
                account.model.work(2)
            case "switch":
                account.switch()
            case "expire":
                account.mailbox.expire_history()
            case _:
                account.user.do(event)
    if account.reads_api is not ends_with_api:
        account.switch()
    account.settle()
    assert account.shown() == account.truth()
    assert not account.model.dead


def test_nothing_is_fetched_twice_by_switching_there_and_back() -> None:
    account = Account(mails=20)
    account.settle()
    for _ in range(2):
        account.switch()
        account.settle()
        assert account.shown() == account.truth()
    assert account.api.api.fetched == []
    assert account.view.server.bodies_fetched.total() == 20


def test_mails_deleted_while_the_other_way_was_read_are_marked_deleted() -> None:
    account = Account(mails=6)
    account.settle()
    for _ in range(3):
        account.mailbox.delete(next(iter(account.mailbox.truth())))
        account.switch()
        account.settle()
        assert account.shown() == account.truth()
    assert len(account.model.rows) == 6
    assert len(account.shown()) == 3


def test_a_switch_is_no_drift() -> None:
    account = Account(mails=6)
    account.settle()
    account.switch()
    account.settle()
    tag = account_tag(ACCOUNT)
    assert [GMAIL_DRIFT.labels(account=tag, kind=kind.value)._value.get() for kind in Drift] == [0, 0, 0]
