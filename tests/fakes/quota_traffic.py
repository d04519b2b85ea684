"""Traffic of many callers against the governor's real scripts, in simulated time: an hour passes in seconds.

Each caller asks, waits as told, calls, and asks again; what it was told is not second-guessed, but now and then it is
not in time. The record of when each call left is what the properties are checked against.
"""

import heapq
from dataclasses import dataclass, field, replace
from itertools import count
from random import Random

from src.sync.quota import Limits, ask_for
from src.sync.quota_profile import CallName, QuotaProfile
from src.sync.quota_scripts import Ask, QuotaScripts, Use

LATE_S = 0.1  # how late a caller wakes


@dataclass
class Caller:
    """Makes `calls` calls one after another, beginning at `start_s`."""

    use: Use
    call: CallName
    calls: int
    latency_s: float = 0.09  # of each call
    start_s: float = 0.0
    pause_s: float = 0.0  # between a call and the next ask
    late_each: int = 0  # of so many turns it wakes late for one; 0: for none
    turns: int = 0  # that it was given


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
        late: list[tuple[float, int, Ask]] = []
        heapq.heapify(events)
        while events:
            at, number, caller, asked_at = heapq.heappop(events)
            if not todo[id(caller)]:
                continue
            while ends and ends[0][0] <= at:
                self.now_s, turn = heapq.heappop(ends)
                scripts.give_back([turn])
            while late and late[0][0] <= at:
                self.now_s, _, ask = heapq.heappop(late)
                scripts.leave(ask)
            self.now_s = at
            units = self.profile.costs.of(caller.call)
            ask = self.ask(caller.use, units, f"turn-{number}")
            answer = scripts.take(ask)
            if answer.verdict != "granted":
                heapq.heappush(events, (at + max(answer.wait_s, 1e-6), number, caller, asked_at))
                continue
            leaves = at + answer.wait_s
            caller.turns += 1
            if ask.counted and caller.late_each and caller.turns % caller.late_each == 0:
                heapq.heappush(late, (leaves + LATE_S, number, ask))
                leaves += LATE_S
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
        return ask_for(self.profile, self.limits, use=use, units=units, turn=turn)


def arrived(left: list[Left], rng: Random, *, spread_s: float) -> list[Left]:
    """Return the calls as they come in, each up to `spread_s` after it left."""
    late = (replace(call, at_s=call.at_s + rng.uniform(0.0, spread_s)) for call in left)
    return sorted(late, key=lambda call: call.at_s)


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
