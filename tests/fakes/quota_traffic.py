"""Traffic of many callers against the governor's real scripts, in simulated time: an hour passes in seconds.

Each caller asks, waits as told, calls, and asks again; what it was told is not second-guessed. The record of when each
call left is what the properties are checked against.
"""

import heapq
from dataclasses import dataclass, field
from itertools import count

from src.sync.quota import AHEAD_S, LIVE_AHEAD_S, Limits
from src.sync.quota_profile import CallName, QuotaProfile
from src.sync.quota_scripts import Ask, QuotaScripts, Use


@dataclass
class Caller:
    """Makes `calls` calls one after another, beginning at `start_s`."""

    use: Use
    call: CallName
    calls: int
    latency_s: float = 0.09  # of each call
    start_s: float = 0.0
    pause_s: float = 0.0  # between a call and the next ask


@dataclass(frozen=True)
class Left:
    """One call that left."""

    at_s: float
    units: int
    use: Use
    waited_s: float


@dataclass
class Traffic:
    """A clock that the scripts are told, and what happened by it."""

    profile: QuotaProfile
    limits: Limits = field(default_factory=Limits)
    now_s: float = 1_000_000.0
    left: list[Left] = field(default_factory=list)
    most_under_way: int = 0
    _turns: "count[int]" = field(default_factory=count)

    def now_us(self) -> int:
        return round(self.now_s * 1_000_000)

    def run(self, scripts: QuotaScripts, callers: list[Caller]) -> list[Left]:
        """Let the callers make all their calls; return those, in the order in which they left."""
        begin = self.now_s
        events = [(begin + caller.start_s, next(self._turns), caller, begin + caller.start_s) for caller in callers]
        todo = {id(caller): caller.calls for caller in callers}
        ends: list[tuple[float, str]] = []
        heapq.heapify(events)
        while events:
            at, number, caller, asked_at = heapq.heappop(events)
            if not todo[id(caller)]:
                continue
            while ends and ends[0][0] <= at:
                self.now_s, turn = heapq.heappop(ends)
                scripts.give_back([turn])
            self.now_s = at
            units = self.profile.costs.of(caller.call)
            answer = scripts.take(self.ask(caller.use, units, f"turn-{number}"))
            if answer.verdict != "granted":
                heapq.heappush(events, (at + max(answer.wait_s, 1e-6), number, caller, asked_at))
                continue
            leaves = at + answer.wait_s
            self.left.append(Left(leaves, units, caller.use, leaves - asked_at))
            heapq.heappush(ends, (leaves + caller.latency_s, f"turn-{number}"))
            self.most_under_way = max(self.most_under_way, len(ends))
            todo[id(caller)] -= 1
            again = leaves + caller.latency_s + caller.pause_s
            heapq.heappush(events, (again, next(self._turns), caller, again))
        self.left.sort(key=lambda call: call.at_s)
        return self.left

    def ask(self, use: Use, units: int, turn: str) -> Ask:
        """Return the ask that a Governor would make."""
        share = self.limits.census_share if use == "census" else 1.0
        return Ask(
            use=use,
            units=units,
            usual_units=self.profile.costs.get,
            pace=self.profile.pace,
            share=share,
            share_while_live=1.0 if use == "live" else min(share, self.limits.backfill_share),
            ahead_s=LIVE_AHEAD_S if use == "live" else AHEAD_S,
            most_calls=self.limits.most_calls,
            turn=turn,
            lapse_s=self.limits.lapse_s,
        )


def peak_units(left: list[Left], window_s: float) -> int:
    """Return the most units that left within any window of `window_s`, both ends included."""
    peak = units = first = 0
    for last in left:
        units += last.units
        while left[first].at_s < last.at_s - window_s:
            units -= left[first].units
            first += 1
        peak = max(peak, units)
    return peak


def mean_units(left: list[Left]) -> float:
    """Return the units a second from the first call to the last."""
    return sum(call.units for call in left[:-1]) / (left[-1].at_s - left[0].at_s)
