"""The governor: every call to the Gmail API waits here for its turn, whichever process of the account makes it.

The rules, carried out by scripts/take.lua for all processes at once:
- Calls leave evenly spread, at the pace of the profile; what was not used is not saved up, but for a moment's delay
  where the calls of a short window are counted (see quota_profile.py).
- Live mail goes first: a backfill is given a turn at most `AHEAD_S` before it comes, live mail up to `LIVE_AHEAD_S`. So
  a live call waits for hardly more than a quarter of a second, however many calls of a backfill wait. While live mail
  asks, a backfill leaves a share of the pace free; a census always takes a share only.
- When Google throttles one call, all calls of the account pause: `pause`.
- At most so many calls are under way; the turn of a process that died lapses.

Without Redis nobody calls: nobody could tell what the others use, and nothing could be published either. The error is
RedisUnavailableError, which is temporary. A turn that cannot be given back lapses by itself.
"""

import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from config.settings import Settings
from src.common.clock import Clock
from src.common.errors import GmailThrottledError, RedisUnavailableError
from src.common.instruments import GMAIL_PAUSES, GMAIL_QUOTA_REMAINING, GMAIL_QUOTA_UNITS, GMAIL_QUOTA_WAIT
from src.common.logs import account_tag, get_logger
from src.sync.quota_profile import CallName, QuotaProfile
from src.sync.quota_scripts import Answer, Ask, QuotaScripts, Use

AHEAD_S = 0.25  # a backfill's turn is given at most so long before; less would lose turns to slow threads
LIVE_AHEAD_S = 30.0  # beyond it a live call asks again; no queue of live calls should ever be that long
MAX_NAP_S = 5.0  # no single sleep is longer, so that a pause or a stop is seen
PATIENCE_S = 20.0  # a pause longer than this is an error, so that the account shows as throttled
FIRST_PAUSE_S = 1.0  # when Google says no time; doubles with each throttling that follows
PAUSE_CAP_S = 60.0  # of the doubling
LONGEST_PAUSE_S = 3600.0  # longest that is believed; after it one call looks again
WAKING_SHARE = 0.5  # of the profile's spread, for threads that wake late; the rest is for the call's way to Google
MOST_LATE_S = 0.5  # for a call that is counted by when it leaves; see scripts/leave.lua
LATE_TRIES = 3  # a turn is given up for a later one so often at most
MOST_SETTLED = 500  # turns told as over with one ask; the calls under way are fewer
LINE_POLL_S = 0.5  # how often a thread in line looks whether it shall stop

log = get_logger(__name__)
Sleep = Callable[[float], None]  # may raise to end the wait


@dataclass(frozen=True, slots=True)
class Limits:
    """What the settings say of an account's calls."""

    most_calls: int = 12  # under way at once, over all processes
    # So long the calls of a process that was killed hold up the next one, and two kills may take all turns. A call that
    # takes longer, as one with a big mail, is one more under way than asked for, which does no harm.
    lapse_s: float = 30.0
    backfill_share: float = 0.8  # of the pace, while live mail asks
    census_share: float = 0.2  # of the pace, always


def limits_from(settings: Settings) -> Limits:
    """Return the limits that the settings ask for."""
    return Limits(
        most_calls=settings.gmail_concurrent_calls,
        backfill_share=settings.gmail_backfill_share,
        census_share=settings.gmail_census_share,
    )


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to make one call now. To be given back."""

    name: str
    waited_s: float


def ask_for(profile: QuotaProfile, limits: Limits, *, use: Use, units: int, turn: str) -> Ask:
    """Return what the scripts are asked for a call of so many units. Pure."""
    share = limits.census_share if use == "census" else 1.0
    return Ask(
        use=use,
        units=units,
        usual_units=profile.costs.get,
        pace=profile.pace,
        share=share,
        share_while_live=1.0 if use == "live" else min(share, limits.backfill_share),
        ahead_s=LIVE_AHEAD_S if use == "live" else AHEAD_S,
        most_calls=limits.most_calls,
        turn=turn,
        lapse_s=limits.lapse_s,
        counted=profile.counted,
    )


class Governor:
    """One account's share in the quota, for the threads of one process."""

    def __init__(
        self,
        scripts: QuotaScripts,
        profile: QuotaProfile,
        *,
        account: str,
        clock: Clock,
        limits: Limits = Limits(),
    ) -> None:
        self._scripts = scripts
        self._profile = profile
        self._clock = clock
        self._limits = limits
        self._account = account
        self._paused_to = clock.monotonic()  # as far as this process knows
        self._line = threading.Lock()
        self._over: deque[str] = deque()  # turns to give back
        self._used_units = 0.0
        self._used_at = clock.monotonic()
        GMAIL_QUOTA_REMAINING.labels(account=account_tag(account)).set_function(self.remaining_units)

    @contextmanager
    def call(self, name: CallName, *, use: Use, sleep: Sleep | None = None) -> Iterator[Turn]:
        """Wait for a turn, make the call inside, give the turn back (see `give_back`). Raises what `take` raises."""
        turn = self.take(self._profile.costs.of(name), use=use, sleep=sleep)
        GMAIL_QUOTA_UNITS.labels(call=name, use=use).inc(self._profile.costs.of(name))
        try:
            yield turn
        finally:
            self.give_back(turn)

    def take(self, units: int, *, use: Use, sleep: Sleep | None = None) -> Turn:
        """Wait for the turn of a call that costs `units`, and return it.

        `sleep` takes the place of the clock's, and what it raises ends the wait. Raises GmailThrottledError when the
        account is paused for longer than `PATIENCE_S`, and RedisUnavailableError.
        """
        sleep = sleep or self._clock.sleep
        began_at = self._clock.monotonic()
        for tries_left in range(LATE_TRIES, -1, -1):
            ask = ask_for(self._profile, self._limits, use=use, units=units, turn=secrets.token_hex(8))
            late_s = self._wait_for_turn(ask, sleep)
            is_paused = self._clock.monotonic() < self._paused_to
            if not is_paused and (self._may_leave(ask, late_s) or not tries_left):
                waited_s = self._clock.monotonic() - began_at
                GMAIL_QUOTA_WAIT.labels(use=use).observe(waited_s)
                return Turn(ask.turn, waited_s)
            self._over.append(ask.turn)
        raise GmailThrottledError("the account was paused again and again while a call waited for its turn")

    def give_back(self, turn: Turn) -> None:
        """Say that the call is over. It is told with this process' next ask, which saves a round trip a call; who asks
        for nothing more calls `settle`."""
        self._over.append(turn.name)

    def settle(self) -> None:
        """Tell now which calls are over. Never raises for want of Redis: turns lapse by themselves."""
        over = self._take_over()
        if over:
            with suppress(RedisUnavailableError):
                self._scripts.give_back(over)

    def pause(self, told_s: float | None) -> float:
        """Pause all calls of the account, since Google throttled one; return for how long.

        `told_s`: how long Google said, None if it did not.
        """
        seconds, is_new = self._scripts.pause(
            told_s=told_s or 0.0, first_s=FIRST_PAUSE_S, cap_s=PAUSE_CAP_S, longest_s=LONGEST_PAUSE_S
        )
        self._paused_to = self._clock.monotonic() + seconds
        if is_new:
            GMAIL_PAUSES.inc()
            log.warning("gmail_paused", account=account_tag(self._account), seconds=round(seconds, 1))
        return seconds

    def remaining_units(self) -> float:
        """Return what is left of the budget of the last minute, from the last answer; used units fade evenly."""
        faded = max(0.0, 1.0 - (self._clock.monotonic() - self._used_at) / 60.0)
        return max(0.0, self._profile.units_per_minute - self._used_units * faded)

    def close(self) -> None:
        """Take the gauge of this account away."""
        with suppress(KeyError):
            GMAIL_QUOTA_REMAINING.remove(account_tag(self._account))

    def _may_leave(self, ask: Ask, late_s: float) -> bool:
        """Tell whether a turn can still be used: whose call leaves too late joins others, and all would be too many."""
        if late_s <= self._profile.spread_s * WAKING_SHARE:
            return True
        if ask.counted is None or late_s > MOST_LATE_S:
            return False
        self._scripts.leave(ask)
        return True

    def _wait_for_turn(self, ask: Ask, sleep: Sleep) -> float:
        """Ask until a turn is granted, and wait for it; return how late the thread woke, in seconds."""
        with self._in_line(ask.use, sleep):
            wait_s = self._granted_in_s(ask, sleep)
        due_at = self._clock.monotonic() + wait_s
        try:
            while (left_s := due_at - self._clock.monotonic()) > 0:
                sleep(min(left_s, MAX_NAP_S))
            sleep(0.0)  # a stop is seen even where there is nothing to wait for
        except BaseException:
            self._over.append(ask.turn)
            self.settle()
            raise
        return self._clock.monotonic() - due_at

    @contextmanager
    def _in_line(self, use: Use, sleep: Sleep) -> Iterator[None]:
        """Stand behind the other threads of this process, so that one asks and not all; live mail does not."""
        if use == "live":
            yield
            return
        while not self._line.acquire(timeout=LINE_POLL_S):
            sleep(0.0)
        try:
            yield
        finally:
            self._line.release()

    def _granted_in_s(self, ask: Ask, sleep: Sleep) -> float:
        while True:
            answer = self._scripts.take(ask, self._take_over())
            self._note(answer)
            if answer.verdict == "granted":
                return answer.wait_s
            if answer.verdict == "paused" and answer.wait_s > PATIENCE_S:
                raise GmailThrottledError(
                    f"Google throttles the account for another {answer.wait_s:.0f} s: its quota is used up, perhaps by "
                    "other programs, or GMAIL_QUOTA_PROFILE allows more than Google does"
                )
            sleep(min(answer.wait_s, MAX_NAP_S))

    def _note(self, answer: Answer) -> None:
        now = self._clock.monotonic()
        self._used_units, self._used_at = answer.used_units, now
        if answer.verdict == "paused":
            self._paused_to = now + answer.wait_s

    def _take_over(self) -> list[str]:
        names: list[str] = []
        while self._over and len(names) < MOST_SETTLED:
            try:
                names.append(self._over.popleft())
            except IndexError:
                break  # another thread was quicker
        return names
