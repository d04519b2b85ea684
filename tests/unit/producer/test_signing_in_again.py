"""A mailbox that lacks a sign-in goes on by itself once somebody has signed in, and is not asked about before."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest

from src.common.beats import Beats
from src.common.clock import SystemClock
from src.common.errors import DelegationRefusedError, LoginRefusedError, SignInNeededError, SourceUnavailableError
from src.common.shutdown import Shutdown
from src.model.cursor import Batch, Cursor
from src.producer import patience as waiting
from src.producer.board import Board, State
from src.producer.build import ProducerOptions, build
from src.producer.patience import LOOK_UP_S, Patience, StopAskedError
from src.sources.source import Source
from src.stream.memory.stream import MemoryStream
from tests.fakes.clock import FakeClock
from tests.fixtures.services import wait_until
from tests.unit.producer.scripted_source import MAILBOX, ScriptedSource, published_numbers


class _TimeFlies(Shutdown):
    """Waits by moving the clock on; a stop is asked for after `stops_after` waits."""

    def __init__(self, clock: FakeClock, *, stops_after: int = 1000) -> None:
        super().__init__()
        self._clock = clock
        self._left = stops_after

    def wait(self, timeout_s: float) -> bool:
        self._clock.sleep(timeout_s)
        self._left -= 1
        return self._left <= 0


def patience(clock: FakeClock, shutdown: Shutdown) -> Patience:
    return Patience(shutdown=shutdown, clock=clock, rng=random.Random(0))


@pytest.mark.parametrize(
    ("signs_in_after_s", "waits_s"),
    [
        (0.5, 2.0),  # at the first look
        (7.0, 8.0),  # at the next look
        (1e9, 299.0),  # never: the whole time, and not a second more
    ],
)
def test_a_wait_ends_at_the_look_after_the_sign_in(signs_in_after_s: float, waits_s: float) -> None:
    clock = FakeClock()
    began = clock.monotonic()
    patience(clock, _TimeFlies(clock)).wait_while_same(299.0, lambda: clock.monotonic() - began >= signs_in_after_s)
    assert clock.monotonic() - began == pytest.approx(waits_s)


def test_marks_that_never_are_the_same_make_no_hot_loop() -> None:
    clock, marks = FakeClock(), count()
    patience(clock, _TimeFlies(clock)).wait_while_same(299.0, lambda: next(marks) // 2)
    assert clock.slept == [LOOK_UP_S]


def test_a_stop_ends_the_wait_at_once() -> None:
    clock = FakeClock()
    with pytest.raises(StopAskedError):
        patience(clock, _TimeFlies(clock, stops_after=3)).wait_while_same(299.0, lambda: None)
    assert len(clock.slept) == 3


class _SignedOutSource(ScriptedSource):
    """Plays Source: raises `error` until somebody signs in."""

    def __init__(self, error: Exception, *, mailbox: str = MAILBOX) -> None:
        super().__init__(5, batch_mails=5, mailbox=mailbox)
        self.tries = 0
        self._error = error
        self.is_signed_in = False

    def fetch(self, cursor: Cursor) -> Batch:
        if self.is_signed_in:
            return super().fetch(cursor)
        self.tries += 1
        raise self._error


class SignIn:
    """An account's sign-in, as its mark tells."""

    def __init__(self, *sources: _SignedOutSource) -> None:
        self.looks = 0
        self._sources = sources
        self._number = 0

    def mark(self) -> int:
        self.looks += 1
        return self._number

    def happens(self, *, helps: bool = True) -> None:
        for source in self._sources:
            source.is_signed_in = helps
        self._number += 1


@contextmanager
def producing(stream: MemoryStream, sign_in: SignIn, *sources: Source) -> Iterator[Board]:
    """Run a producer of mailboxes that are all blocked, and stop it at the end."""
    clock, shutdown = SystemClock(), Shutdown()
    options = ProducerOptions(sign_in_mark=sign_in.mark)
    producer = build(
        sources, options=options, stream=stream, states=None, shutdown=shutdown, beats=Beats(clock), clock=clock
    )
    thread = threading.Thread(target=producer.run)
    thread.start()
    try:
        wait_until(lambda: states_of(producer.board) == {State.BLOCKED}, what="the mailboxes are blocked")
        yield producer.board
    finally:
        shutdown.ask()
        thread.join()


def states_of(board: Board) -> set[State]:
    return {report.state for report in board.reports()}


@pytest.fixture
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LOOK_UP_S", 0.02)


@pytest.mark.usefixtures("quick_looks")
@pytest.mark.parametrize("error", [SignInNeededError, DelegationRefusedError, LoginRefusedError])
def test_each_mailbox_of_the_account_is_read_on_after_the_sign_in(error: type[Exception]) -> None:
    stream = MemoryStream()
    first, second = _SignedOutSource(error("sign in")), _SignedOutSource(error("sign in"), mailbox="Work")
    sign_in = SignIn(first, second)
    with producing(stream, sign_in, first, second) as board:
        sign_in.happens()
        wait_until(lambda: states_of(board) == {State.CAUGHT_UP}, what="the mailboxes are read")
    assert published_numbers(stream) == {1, 2, 3, 4, 5}
    assert (first.tries, second.tries) == (1, 1)


@pytest.mark.usefixtures("quick_looks")
def test_until_then_the_source_is_not_asked_for_mail_and_a_sign_in_that_helps_not_costs_one_try() -> None:
    source = _SignedOutSource(SignInNeededError("sign in"))
    sign_in = SignIn(source)
    with producing(MemoryStream(), sign_in, source):
        looked = sign_in.looks
        wait_until(lambda: sign_in.looks >= looked + 5, what="it looks now and then")
        assert source.tries == 1
        sign_in.happens(helps=False)
        wait_until(lambda: source.tries == 2, what="it tries again")
        looked = sign_in.looks
        wait_until(lambda: sign_in.looks >= looked + 5, what="it looks now and then")
    assert source.tries == 2


def test_a_passing_error_does_not_look_for_a_sign_in() -> None:
    source, stream = ScriptedSource(5, errors=[SourceUnavailableError("cut")]), MemoryStream()
    sign_in = SignIn()
    clock, shutdown = SystemClock(), Shutdown()
    options = ProducerOptions(once=True, sign_in_mark=sign_in.mark)
    build(
        [source], options=options, stream=stream, states=None, shutdown=shutdown, beats=Beats(clock), clock=clock
    ).run()
    assert published_numbers(stream) == {1, 2, 3, 4, 5}
    assert sign_in.looks == 0
