"""What a pace and a time to the end are made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import SettingsError, load
from src.sync.quota_profile import PROFILES, QuotaProfile, profile_from

profiles = st.sampled_from(sorted(PROFILES)).map(lambda name: PROFILES[name])


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_the_pace_is_a_little_under_the_budget(profile: QuotaProfile) -> None:
    share = profile.pace * profile.window_s / profile.units
    assert 0.95 <= share < 1.0


@pytest.mark.parametrize(("name", "per_minute"), [("2026", 6_000), ("legacy", 15_000)])
def test_budget_by_the_minute(name: str, per_minute: int) -> None:
    assert profile_from(load(_env_file=None, gmail_quota_profile=name)).units_per_minute == per_minute


def test_a_hundred_thousand_mails_of_a_new_project_take_under_six_hours() -> None:
    assert 5.55 < PROFILES["2026"].eta_s(100_000) / 3600 < 5.8


@given(profile=profiles, mails=st.integers(0, 10**7), more=st.integers(1, 10**6))
def test_time_to_the_end_grows_with_mails_and_shrinks_with_the_share(
    profile: QuotaProfile, mails: int, more: int
) -> None:
    assert profile.eta_s(mails) < profile.eta_s(mails + more)
    assert profile.eta_s(mails + more) < profile.eta_s(mails + more, share=0.5)


@given(profile=profiles, mails=st.integers(500, 10**7))
def test_a_backfill_costs_hardly_more_than_its_mails(profile: QuotaProfile, mails: int) -> None:
    overhead = profile.backfill_units(mails) / mails - profile.costs.get
    assert 0 < overhead <= 0.02


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("units", [100, 3_000, 15_000])
def test_a_budget_of_ones_own_is_counted_by_the_minute(name: str, units: int) -> None:
    profile = profile_from(load(_env_file=None, gmail_quota_profile=name, gmail_quota_units_per_minute=units))
    assert profile.units_per_minute == units
    assert 0 < profile.pace * 60 < units


def test_a_budget_that_allows_no_call_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match="at least 100"):
        load(_env_file=None, gmail_quota_units_per_minute=99)
