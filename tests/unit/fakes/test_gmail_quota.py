"""The fake's accounting of quota: peaks of any window, means, refusals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from tests.fakes.gmail.errors import ApiError
from tests.fakes.gmail.quota import LEGACY, SINCE_2026, Quota, QuotaProfile, Spent

GET = "gmail.users.messages.get"


def written_down(*moments: float, units: int = 5) -> Quota:
    quota = Quota()
    quota.log = [Spent(at, units, "ada", GET) for at in moments]
    return quota


@given(st.lists(st.integers(0, 400), max_size=40), st.integers(1, 100))
def test_peak_is_the_most_that_any_window_holds(hundredths: list[int], width: int) -> None:
    moments = sorted(hundredths)
    held = [5 * sum(1 for other in moments if start <= other < start + width) for start in moments]
    assert written_down(*map(float, moments)).peak(float(width)) == max(held, default=0)


def test_mean_is_over_the_time_that_was_used() -> None:
    assert written_down(*(index * 0.02 for index in range(101))).mean(1.0) == pytest.approx(250)


@pytest.mark.parametrize(
    ("profile", "gets_a_window"),
    [(LEGACY, 50), (SINCE_2026, 300)],  # 250 units a second at 5 a mail; 6,000 a minute at 20
)
def test_over_the_budget_is_refused_until_the_window_has_passed(profile: QuotaProfile, gets_a_window: int) -> None:
    clock = FakeClock()
    quota = Quota(profile, clock.monotonic)
    quota.is_enforced = True
    with quota.running_together():
        for _ in range(gets_a_window):
            quota.admit("ada", GET)
        for code in (429, 403):
            quota.refusal_code = code
            with pytest.raises(ApiError, match="Quota exceeded") as refused:
                quota.admit("ada", GET)
            assert refused.value.code == code
        quota.admit("bob", GET)  # another account has a budget of its own
        clock.advance(profile.budgets[0][0])
        quota.admit("ada", GET)
    assert quota.refusals == {"ada": 2}
    assert quota.units("ada") == (gets_a_window + 1) * profile.costs[GET]


def test_concurrency_limit_counts_those_that_run_together() -> None:
    quota = Quota()
    quota.max_concurrent = 2
    for _ in range(2):
        with quota.running_together():
            quota.admit("ada", GET)
            quota.admit("ada", GET)
            with pytest.raises(ApiError, match="Too many concurrent"):
                quota.admit("ada", GET)
            quota.admit("bob", GET)
    assert quota.peak_concurrent == 2
    assert quota.concurrency_refusals == {"ada": 2}
