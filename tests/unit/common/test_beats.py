"""Beats tell a loop that works from one that stands still."""

from src.common.beats import Beats
from tests.fakes.clock import FakeClock


def test_a_loop_is_late_only_after_its_limit() -> None:
    clock = FakeClock()
    beats = Beats(clock)
    beats.expect("read", within_s=10)
    clock.advance(9)
    assert not beats.late()
    clock.advance(2)
    assert beats.late() == {"read": 11.0}


def test_a_beat_makes_a_late_loop_well_again() -> None:
    clock = FakeClock()
    beats = Beats(clock)
    beats.expect("read", within_s=10)
    clock.advance(60)
    beats.beat("read")
    assert not beats.late()
    assert beats.ages_s() == {"read": 0.0}


def test_a_loop_that_ended_owes_nothing() -> None:
    clock = FakeClock()
    beats = Beats(clock)
    beats.expect("read", within_s=10)
    beats.forget("read")
    clock.advance(60)
    assert not beats.late()
