"""How long the rest may take: true while the pace is even, unknown while nobody can know, and never misled for long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.producer.pace import LEAST_S, WINDOW_S, Left, Pace
from tests.fakes.clock import FakeClock


def told(pace: Pace, clock: FakeClock, *, from_mails: int, to_mails: int, over_s: float, steps: int = 100) -> None:
    """Read on evenly."""
    for step in range(1, steps + 1):
        clock.advance(over_s / steps)
        pace.told(from_mails + (to_mails - from_mails) * step // steps)


@given(mails_a_s=st.floats(0.1, 500.0), over_s=st.floats(LEAST_S * 2, 4 * 3600.0))
def test_an_even_pace_gives_the_true_time(mails_a_s: float, over_s: float) -> None:
    clock = FakeClock()
    pace = Pace(clock)
    left, done = 10_000_000, round(mails_a_s * over_s)
    pace.told(left + done)
    told(pace, clock, from_mails=left + done, to_mails=left, over_s=over_s)
    now = pace.left()
    assert now is not None
    assert now.mails == left
    if done >= 1_000:  # else a mail more or less tells
        assert now.seconds == pytest.approx(left / mails_a_s, rel=0.1)


def test_nobody_knows_at_first_and_between() -> None:
    clock = FakeClock()
    pace = Pace(clock)
    assert pace.left() is None
    pace.told(None)
    assert pace.left() is None
    pace.told(100)
    clock.advance(LEAST_S / 2)
    pace.told(50)
    assert pace.left() == Left(50, None)
    clock.advance(LEAST_S)
    pace.told(None)  # new mail, ahead of the old
    assert pace.left() == Left(50, 1.5 * LEAST_S)


def test_what_was_passed_in_no_time_is_forgotten() -> None:
    clock = FakeClock()
    pace = Pace(clock)
    pace.told(100_000)
    told(pace, clock, from_mails=100_000, to_mails=50_000, over_s=30.0)  # were there already
    told(pace, clock, from_mails=50_000, to_mails=47_000, over_s=2 * WINDOW_S)
    now = pace.left()
    assert now is not None
    assert now.seconds == pytest.approx(47_000 * 2 * WINDOW_S / 3_000, rel=0.1)


def test_a_list_that_is_walked_anew_begins_a_pace_of_its_own() -> None:
    clock = FakeClock()
    pace = Pace(clock)
    pace.told(1_000)
    told(pace, clock, from_mails=1_000, to_mails=100, over_s=100.0)
    pace.told(1_100)
    assert pace.left() == Left(1_100, None)
    told(pace, clock, from_mails=1_100, to_mails=100, over_s=100.0)
    assert pace.left() == Left(100, 10.0)


def test_a_standstill_makes_the_time_longer() -> None:
    clock = FakeClock()
    pace = Pace(clock)
    pace.told(1_000)
    told(pace, clock, from_mails=1_000, to_mails=500, over_s=100.0)
    clock.advance(200.0)
    assert pace.left() == Left(500, 300.0)


def test_the_next_poll_knows_nothing_of_the_last() -> None:
    pace = Pace(FakeClock())
    pace.told(7)
    pace.begin()
    assert pace.left() is None
