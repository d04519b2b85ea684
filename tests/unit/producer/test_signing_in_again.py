"""A mailbox that lacks a sign-in goes on by itself once somebody has signed in, and is not asked about before."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from src.common.beats import Beats
from src.common.clock import SystemClock
from src.common.errors import SIGN_IN_ERRORS, LoginRefusedError, SignInNeededError
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
from tests.unit.producer.scripted_source import ScriptedSource, published_numbers


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
    ("over_after_s", "waits_s"),
    [
        (0.0, LOOK_UP_S),  # over from the start: a wrong answer still makes no hot loop
        (7.0, 8.0),  # at the next look
        (1e9, 299.0),  # never: the whole time, and not a second more
    ],
)
def test_a_wait_ends_at_the_look_after_it_is_over(over_after_s: float, waits_s: float) -> None:
    clock = FakeClock()
    began = clock.monotonic()
    patience(clock, _TimeFlies(clock)).wait_unless(299.0, lambda: clock.monotonic() - began >= over_after_s)
    assert clock.monotonic() - began == pytest.approx(waits_s)


def test_a_stop_ends_the_wait_at_once() -> None:
    clock = FakeClock()
    with pytest.raises(StopAskedError):
        patience(clock, _TimeFlies(clock, stops_after=3)).wait_unless(299.0, lambda: False)
    assert len(clock.slept) == 3


class _SignedOutSource(ScriptedSource):
    """Plays Source and Mendable: raises `error` until `sign_in`."""

    def __init__(self, error: Exception) -> None:
        super().__init__(5, batch_mails=5)
        self.tries = self.looks = 0
        self._error = error
        self._signed_in = threading.Event()

    def sign_in(self) -> None:
        self._signed_in.set()

    def may_be_mended(self) -> bool:
        self.looks += 1
        return self._signed_in.is_set()

    def fetch(self, cursor: Cursor) -> Batch:
        if not self._signed_in.is_set():
            self.tries += 1
            raise self._error
        return super().fetch(cursor)


@contextmanager
def producing(source: Source, stream: MemoryStream) -> Iterator[Board]:
    """Run a producer until it is blocked, and stop it at the end."""
    clock, shutdown = SystemClock(), Shutdown()
    options = ProducerOptions()
    producer = build(
        [source], options=options, stream=stream, states=None, shutdown=shutdown, beats=Beats(clock), clock=clock
    )
    thread = threading.Thread(target=producer.run)
    thread.start()
    try:
        wait_until(lambda: state_of(producer.board) is State.BLOCKED, what="the mailbox is blocked")
        yield producer.board
    finally:
        shutdown.ask()
        thread.join()


def state_of(board: Board) -> State:
    return board.reports()[0].state


@pytest.fixture
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LOOK_UP_S", 0.02)


@pytest.mark.usefixtures("quick_looks")
@pytest.mark.parametrize("error", SIGN_IN_ERRORS)
def test_the_mailbox_is_read_on_after_the_sign_in(error: type[Exception]) -> None:
    source, stream = _SignedOutSource(error("sign in")), MemoryStream()
    with producing(source, stream) as board:
        source.sign_in()
        wait_until(lambda: state_of(board) is State.CAUGHT_UP, what="the mailbox is read")
    assert published_numbers(stream) == {1, 2, 3, 4, 5}
    assert source.tries == 1


@pytest.mark.usefixtures("quick_looks")
def test_until_then_the_source_is_not_asked_for_mail() -> None:
    source = _SignedOutSource(SignInNeededError("sign in"))
    with producing(source, MemoryStream()):
        wait_until(lambda: source.looks >= 5, what="it looks now and then")
    assert source.tries == 1


@pytest.mark.usefixtures("quick_looks")
def test_no_other_trouble_is_cut_short_by_a_token_file_that_changes() -> None:
    """A refresh changes it every hour, and a refused login must not be tried again each time."""
    source = _SignedOutSource(LoginRefusedError("no"))
    with producing(source, MemoryStream()):
        source.sign_in()
        time.sleep(0.2)  # ten looks
    assert (source.tries, source.looks) == (1, 0)
