"""Back-off: full jitter under a bound that doubles up to a cap."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.common.retry import RetryPolicy, next_delay_s

POLICY = RetryPolicy(max_attempts=5, initial_s=1.0, cap_s=300.0)


@pytest.mark.parametrize(
    ("attempt", "bound_s"),
    [
        (1, 1.0),  # the first repeat waits at most the initial time
        (2, 2.0),  # then it doubles
        (5, 16.0),
        (10, 300.0),  # until the cap
        (100_000, 300.0),  # and no overflow
        (0, 1.0),  # counted from nought by mistake: still bounded
    ],
)
def test_the_bound_doubles_up_to_the_cap(attempt: int, bound_s: float) -> None:
    class AtTheTop(random.Random):
        def uniform(self, a: float, b: float) -> float:
            return b

    assert next_delay_s(attempt, POLICY, AtTheTop()) == bound_s


@given(attempt=st.integers(1, 200), seed=st.integers())
def test_a_delay_is_never_negative_nor_over_the_cap(attempt: int, seed: int) -> None:
    assert 0.0 <= next_delay_s(attempt, POLICY, random.Random(seed)) <= POLICY.cap_s
