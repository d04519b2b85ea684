"""Several accounts in one producer: each is opened and read by itself, and no trouble of one is another's."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.settings import SettingsError
from src.common.beats import Beats
from src.common.clock import SystemClock
from src.common.errors import (
    LoginRefusedError,
    MailboxMissingError,
    RedisUnavailableError,
    SignInNeededError,
    SourceUnavailableError,
)
from src.common.exit_codes import INCOMPLETE, INTERNAL, OK, OPERATOR_NEEDED, UNAVAILABLE
from src.common.retry import RetryPolicy
from src.common.shutdown import Shutdown
from src.producer import build as building
from src.producer import patience
from src.producer.account_opening import AccountPlan
from src.producer.board import MailboxName, MailboxReport, State
from src.producer.build import ProducerOptions, build
from src.producer.producer import Loop, Producer, exit_code
from src.sources.source import Source
from src.store.protocol import SyncState
from src.stream.memory.stream import MemoryStream
from tests.fixtures.logs import CapturedLogs
from tests.fixtures.services import wait_until
from tests.unit.producer.scripted_source import MAILBOX, ScriptedSource, published_numbers

QUICK = RetryPolicy(max_attempts=4, initial_s=0.001, cap_s=0.002)
FOR_EVER = 50  # failures in a row; more than are waited for

PASSING = (SourceUnavailableError("cut"), RedisUnavailableError("away"), ValueError("a fault of ours"))
LASTING = (LoginRefusedError("refused"), MailboxMissingError("none marked"), SettingsError("a wrong setting"))
LASTING_KINDS = tuple(type(error) for error in LASTING)


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "POLICY", QUICK)


@dataclass
class Owner:
    """An account of `mails` mails, and what goes wrong with it."""

    name: str
    mails: int = 3
    opening: Sequence[Exception] = ()  # raised, one a try, before it opens
    reading: Sequence[Exception] = ()
    tries: int = 0
    sign_in_mark: str = ""
    may_open: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.may_open.set()

    def open(self) -> Sequence[Source]:
        self.may_open.wait()
        self.tries += 1
        if self.tries <= len(self.opening):
            raise self.opening[self.tries - 1]
        return [ScriptedSource(self.mails, errors=self.reading, account=self.name)]

    @property
    def plan(self) -> AccountPlan:
        return AccountPlan(
            MailboxName(self.name, "special-use", "imap"),
            self.open,
            poll_interval_s=60.0,
            sign_in_mark=lambda: self.sign_in_mark,
        )


class Several:
    """A producer of several accounts, and what it works with."""

    def __init__(self, *owners: Owner, once: bool = True) -> None:
        clock = SystemClock()
        self.stream, self.shutdown, self.beats, self.states = MemoryStream(), Shutdown(), Beats(clock), States()
        self.producer: Producer = build(
            [],
            options=ProducerOptions(once=once, lease_s=60.0),
            stream=self.stream,
            states=self.states,
            shutdown=self.shutdown,
            beats=self.beats,
            clock=clock,
            accounts=[owner.plan for owner in owners],
        )

    def run(self) -> "Several":
        self.producer.run()
        return self

    def published(self, owner: Owner) -> set[int]:
        return published_numbers(self.stream, owner.name)

    def reports(self, owner: Owner) -> list[MailboxReport]:
        return [report for report in self.producer.board.reports() if report.name.account == owner.name]

    @property
    def exit_code(self) -> int:
        return exit_code(self.producer.board.reports())


class States:
    """Plays SyncStates in memory."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, str], SyncState] = {}

    def save_sync_state(self, _source: str, state: SyncState) -> None:
        self.stored[state.account, state.mailbox] = state

    def sync_states(self, account: str | None = None) -> list[SyncState]:
        return [state for state in self.stored.values() if account in (None, state.account)]

    def retire_sync_state(self, state: SyncState, at: datetime) -> bool:
        self.stored[state.account, state.mailbox] = replace(state, retired_at=at)
        return True


TROUBLES = st.one_of(
    st.just(()),
    st.lists(st.sampled_from(PASSING), max_size=3).map(tuple),
    st.sampled_from(PASSING).map(lambda error: (error,) * FOR_EVER),
    st.sampled_from(LASTING).map(lambda error: (error,)),
)


def is_read(owner: Owner) -> bool:
    troubles = (*owner.opening, *owner.reading)
    return len(troubles) < FOR_EVER and not any(isinstance(error, LASTING_KINDS) for error in troubles)


@settings(max_examples=40, deadline=None)
@given(troubles=st.lists(st.tuples(st.integers(0, 7), TROUBLES, TROUBLES), min_size=2, max_size=4))
def test_whatever_happens_to_one_account_the_others_are_read_to_their_end(
    troubles: list[tuple[int, Sequence[Exception], Sequence[Exception]]],
) -> None:
    owners = [Owner(f"user{n}@example.org", *trouble) for n, trouble in enumerate(troubles)]
    done = Several(*owners).run()
    for owner in owners:
        (report,) = done.reports(owner)
        if is_read(owner):
            assert done.published(owner) == set(range(1, owner.mails + 1))
            assert (report.name.mailbox, report.state, report.error_code) == (MAILBOX, State.CAUGHT_UP, "")
        else:
            assert done.published(owner) == set()
            assert report.state in (State.BLOCKED, State.BACKING_OFF)
            assert report.error_code
    assert (done.exit_code == OK) == all(map(is_read, owners))


@pytest.mark.parametrize(
    ("opening", "code", "state", "told"),
    [
        ((), OK, State.CAUGHT_UP, ""),
        ([SourceUnavailableError("cut")], OK, State.CAUGHT_UP, ""),  # tried again
        ([SourceUnavailableError("cut")] * FOR_EVER, UNAVAILABLE, State.BACKING_OFF, "source_unavailable"),
        ([LoginRefusedError("refused")], OPERATOR_NEEDED, State.BLOCKED, "login_refused"),
        ([SettingsError("a wrong setting")], OPERATOR_NEEDED, State.BLOCKED, "settings_invalid"),
        ([ValueError("a fault of ours")] * FOR_EVER, INCOMPLETE, State.BACKING_OFF, "unexpected"),
    ],
)
def test_once_ends_with_what_kept_an_account_from_being_opened(
    opening: Sequence[Exception], code: int, state: State, told: str
) -> None:
    owner, other = Owner("ada@example.org", opening=opening), Owner("bob@example.org")
    done = Several(owner, other).run()
    (report,) = done.reports(owner)
    assert (done.exit_code, report.state, report.error_code) == (code, state, told)
    assert done.published(other) == {1, 2, 3}


def test_an_account_that_takes_long_to_open_holds_up_nobody() -> None:
    slow, other = Owner("slow@example.org"), Owner("ada@example.org")
    slow.may_open.clear()
    several = Several(slow, other)
    running = threading.Thread(target=several.run)
    running.start()
    wait_until(lambda: several.published(other) == {1, 2, 3}, what="the other account")
    assert several.published(slow) == set()
    slow.may_open.set()
    running.join()
    assert several.published(slow) == {1, 2, 3}


def test_the_trouble_of_an_opening_is_told_while_it_lasts_and_no_longer() -> None:
    owner = Owner("ada@example.org", opening=[SourceUnavailableError("cut")] * 2)
    several = Several(owner)
    earlier = SyncState(owner.name, "special-use", {"last_uid": "0"}, "source_unavailable")
    several.states.save_sync_state("imap", earlier)  # by a process that did not live to see it open
    several.run()
    assert several.states.stored[owner.name, "special-use"].error_code == ""
    assert several.states.stored[owner.name, "special-use"].retired_at is not None  # nothing is read under this name
    assert several.states.stored[owner.name, MAILBOX].error_code == ""
    assert several.states.stored[owner.name, MAILBOX].retired_at is None
    assert [report.name.mailbox for report in several.reports(owner)] == [MAILBOX]
    assert not several.beats.late()


def test_while_an_account_cannot_be_opened_its_trouble_is_in_the_database_and_on_ready() -> None:
    several = Several(owner := Owner("ada@example.org", opening=[LoginRefusedError("refused")])).run()
    assert several.states.stored[owner.name, "special-use"].error_code == "login_refused"
    assert set(several.beats.troubles().values()) == {"login_refused"}


@pytest.mark.parametrize("where", ["opening", "reading"])
def test_an_account_is_read_as_soon_as_somebody_signed_in_for_it(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    monkeypatch.setattr(patience, "LOOK_UP_S", 0.01)
    ended = [SignInNeededError("ended")]
    owner = Owner(
        "ada@example.org", opening=ended if where == "opening" else [], reading=ended if where == "reading" else []
    )
    several = Several(owner, once=False)
    running = threading.Thread(target=several.run)
    running.start()
    # For a moment between opening and reading there is no report.
    wait_until(
        lambda: [report.state for report in several.reports(owner)] == [State.BLOCKED], what="the account to be blocked"
    )
    owner.sign_in_mark = "signed in"
    wait_until(lambda: several.published(owner) == {1, 2, 3}, what="its mails")
    several.shutdown.ask()
    running.join(5.0)


def test_a_stop_ends_openings_that_wait_and_mailboxes_alike() -> None:
    blocked, other = Owner("ada@example.org", opening=[LoginRefusedError("refused")] * 9), Owner("bob@example.org")
    several = Several(blocked, other, once=False)
    running = threading.Thread(target=several.run)
    running.start()
    wait_until(lambda: blocked.tries == 1 and several.published(other) == {1, 2, 3}, what="both accounts")
    several.shutdown.ask()
    running.join(5.0)
    assert not running.is_alive()
    assert [report.state for report in several.reports(blocked)] == [State.STOPPED]
    assert several.stream.acquire_lease(other.name, MAILBOX, "another") is not None


def test_a_stop_during_an_opening_begins_and_ends_its_mailboxes() -> None:
    slow = Owner("slow@example.org")
    slow.may_open.clear()
    several = Several(slow, once=False)
    running = threading.Thread(target=several.run)
    running.start()
    several.shutdown.ask()
    slow.may_open.set()
    running.join(5.0)
    assert not running.is_alive()
    assert [report.state for report in several.reports(slow)] == [State.STOPPED]


def test_mailboxes_that_cannot_be_begun_end_the_process_for_a_new_start(
    logs: CapturedLogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where no more threads are to be had: the account would be left unread in silence."""
    several = Several(Owner("ada@example.org"), once=False)
    begin = several.producer.begin

    def begin_no_mailbox(loop: Loop) -> None:
        if loop.name.mailbox == MAILBOX:
            raise RuntimeError("can't start new thread")
        begin(loop)

    monkeypatch.setattr(several.producer, "begin", begin_no_mailbox)
    logs.expect_errors()
    several.run()
    assert several.exit_code == INTERNAL
    assert {report.state for report in several.producer.board.reports()} == {State.BROKEN, State.STARTING}
    assert logs.named("mailbox_loop_ended")
