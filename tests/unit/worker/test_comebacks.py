"""Comebacks: who is put off comes back in the order of coming, about when there is room, and never too late."""

from hypothesis import given
from hypothesis import strategies as st

from src.worker.comebacks import EARLY, FIRST_GUESS_S, LONGEST_S, Comebacks


class Now:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


steps = st.lists(st.tuples(st.floats(0, 30), st.floats(0, 200), st.integers(0, 100)), min_size=1, max_size=50)


@given(threads=st.integers(1, 16), steps=steps)
def test_nobody_overtakes_and_nobody_waits_longer_than_the_bound(
    threads: int, steps: list[tuple[float, float, int]]
) -> None:
    now = Now()
    comebacks = Comebacks(threads, now)
    last = 0.0
    for passed, took, ahead in steps:
        now.seconds += passed
        comebacks.took(took)
        delay_s = comebacks.next_delay_s(ahead)
        assert 0 <= delay_s <= LONGEST_S + 1e-6
        assert now.seconds + delay_s >= last - 1e-6
        last = now.seconds + delay_s


def test_turns_are_as_far_apart_as_the_children_need_for_one_mail() -> None:
    now = Now()
    comebacks = Comebacks(2, now)
    for _ in range(200):
        comebacks.took(3.0)
    delays = [comebacks.next_delay_s(10) for _ in range(5)]
    each_s = 3.0 / 2 * EARLY
    assert [round(delay, 3) for delay in delays] == [round((10 + at) * each_s, 3) for at in range(1, 6)]


def test_after_a_quiet_time_the_queue_is_as_long_as_the_window() -> None:
    now = Now()
    comebacks = Comebacks(1, now)
    for _ in range(50):
        comebacks.next_delay_s(0)
    now.seconds += 10_000
    assert round(comebacks.next_delay_s(2), 3) == round(3 * FIRST_GUESS_S * EARLY, 3)
