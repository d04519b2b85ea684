"""What a call to the Gmail API costs, and how fast that lets us go: pure values, nothing waits here.

Google counts units for each account over a window (docs/gmail-wire.md names the sources). Calls are spread evenly, at a
pace that keeps any window within the budget; they reach Google up to `spread_s` later than they were allowed to leave.

A long window is kept by the pace alone: its ends may each catch a call, hence the usual cost.

    pace = (budget - cost of the usual call) / (window + spread)

In a short one a machine that is busy for 50 ms loses a twentieth of the budget. There the calls are counted too: what
was missed may be caught up a little faster, as long as no window holds more than the budget.

    pace = budget / (window + spread)
"""

from dataclasses import dataclass, replace
from typing import Literal

from config.settings import Settings
from src.sync.quota_scripts import Counted

CallName = Literal["get", "list", "history", "labels", "profile", "watch", "stop"]
ProfileName = Literal["2026", "legacy"]
IDS_PER_PAGE = 500  # messages.list: the most that a page may have
RUSH = 2.0  # times the pace, while what was missed is caught up
CATCH_UP_S = 0.25  # most that is caught up; after a longer rest the pace begins anew


@dataclass(frozen=True, slots=True)
class Costs:
    """Units of each call."""

    get: int  # messages.get, whatever its format
    list: int  # messages.list, a page
    history: int  # history.list, a page
    labels: int
    profile: int
    watch: int
    stop: int

    def of(self, call: CallName) -> int:
        """Return the units of one call."""
        units: int = getattr(self, call)
        return units


@dataclass(frozen=True, slots=True)
class QuotaProfile:
    """Costs and budget of one account."""

    costs: Costs
    units: int  # budget of any window
    window_s: float
    spread_s: float  # calls reach Google up to this much later than they were allowed to
    is_counted: bool = False  # for a short window: see above

    @property
    def pace(self) -> float:
        """Units a second that keep any window within the budget."""
        units = self.units if self.is_counted else self.units - self.costs.get
        return units / (self.window_s + self.spread_s)

    @property
    def counted(self) -> Counted | None:
        """The window to count calls in, if they are counted."""
        if not self.is_counted:
            return None
        return Counted(self.units, self.window_s + self.spread_s, self.pace * RUSH, CATCH_UP_S)

    @property
    def units_per_minute(self) -> int:
        """The budget as Google's console shows it."""
        return round(self.units * 60 / self.window_s)

    def backfill_units(self, mails: int) -> int:
        """Return what it costs to list and fetch so many mails."""
        pages = -(-mails // IDS_PER_PAGE)
        return mails * self.costs.get + pages * self.costs.list

    def eta_s(self, mails: int, *, share: float = 1.0) -> float:
        """Return the seconds that a backfill of so many mails takes at this share of the pace."""
        return self.backfill_units(mails) / (self.pace * share)


PROFILES: dict[ProfileName, QuotaProfile] = {
    # Projects new since 2026-05-01. A spread of 1 s costs 1.6 % of a minute and forgives a slow network.
    "2026": QuotaProfile(
        Costs(get=20, list=5, history=2, labels=1, profile=1, watch=100, stop=50),
        units=6000,
        window_s=60.0,
        spread_s=1.0,
    ),
    # Projects that used the API before. 50 ms of spread bring 238 units a second, 0.952 of the budget.
    "legacy": QuotaProfile(
        Costs(get=5, list=5, history=2, labels=1, profile=1, watch=100, stop=50),
        units=250,
        window_s=1.0,
        spread_s=0.05,
        is_counted=True,
    ),
}


def profile_from(settings: Settings) -> QuotaProfile:
    """Return the profile of the settings; a budget of one's own is counted by the minute."""
    profile = PROFILES[settings.gmail_quota_profile]
    if settings.gmail_quota_units_per_minute:
        return replace(
            profile, units=settings.gmail_quota_units_per_minute, window_s=60.0, spread_s=1.0, is_counted=False
        )
    return profile
