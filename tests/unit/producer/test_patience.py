"""Waits grow with failures, and shrink only after a time without any."""

import random

import pytest

from src.common.retry import RetryPolicy
from src.common.shutdown import Shutdown
from src.producer.patience import PROVEN_AFTER_S, Patience, StopAskedError
from src.producer.room import FIRST_WAIT_S, LONGEST_WAIT_S, wait_for_room_s
from tests.fakes.clock import FakeClock


class Most(random.Random):
    """Draws the upper bound, so that growth can be seen."""

    def uniform(self, a: float, b: float) -> float:
        return b


def patience(clock: FakeClock, *, gives_up: bool = False) -> Patience:
    policy = RetryPolicy(max_attempts=3, initial_s=1.0, cap_s=10.0)
    return Patience(shutdown=Shutdown(), clock=clock, rng=Most(), gives_up=gives_up, policy=policy)


def test_waits_double_up_to_the_cap() -> None:
    waits = patience(FakeClock())
    assert [waits.after_failure_s() for _ in range(6)] == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_progress_between_failures_does_not_shorten_the_waits() -> None:
    clock = FakeClock()
    waits = patience(clock)
    found = []
    for _ in range(4):  # logs in, reads a little, breaks: a login loop if the wait were short again
        found.append(waits.after_failure_s())
        clock.advance(found[-1] + 5)
        waits.progressed()
    assert found == [1.0, 2.0, 4.0, 8.0]


def test_a_time_without_failure_shortens_the_wait_and_the_wait_itself_does_not_count() -> None:
    clock = FakeClock()
    waits = patience(clock)
    waits.after_failure_s()
    clock.advance(1.0 + PROVEN_AFTER_S + 1)
    assert waits.after_failure_s() == 1.0
    clock.advance(PROVEN_AFTER_S)
    assert waits.after_failure_s() == 2.0


def test_only_failures_without_progress_exhaust_it_and_only_if_it_gives_up() -> None:
    waits = patience(FakeClock(), gives_up=True)
    told = []
    for is_progress in (False, False, False, True, False, False, False, False):
        if is_progress:
            waits.progressed()
        else:
            waits.after_failure_s()
        told.append(waits.is_exhausted)
    assert told == [False] * 7 + [True]
    endless = patience(FakeClock())
    for _ in range(100):
        endless.after_failure_s()
    assert not endless.is_exhausted


def test_a_stop_ends_a_wait() -> None:
    shutdown = Shutdown()
    shutdown.ask()
    waits = Patience(shutdown=shutdown, clock=FakeClock(), rng=random.Random(1))
    with pytest.raises(StopAskedError):
        waits.wait(60.0)
    with pytest.raises(StopAskedError):
        waits.check()


def test_waits_for_room_stay_between_short_and_long() -> None:
    rng = random.Random(1)
    waits = [wait_for_room_s(tries, rng) for tries in range(1, 40)]
    assert waits[0] <= FIRST_WAIT_S
    assert all(LONGEST_WAIT_S / 2 <= wait <= LONGEST_WAIT_S for wait in waits[10:])
