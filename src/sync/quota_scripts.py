"""The governor's state in Redis: its keys, its three Lua scripts, and what they answer as values.

All time is the Redis server's, so processes on machines whose clocks differ agree. All keys of an account bear one
hash tag, and expire after two hours without a call. Raises RedisUnavailableError when Redis does not answer.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from src.common.logs import account_tag
from src.common.redis_client import RedisClient, redis_errors

Use = Literal["live", "backfill", "census"]  # live: new mail and what a person waits for; it goes first
Verdict = Literal["granted", "later", "paused", "full"]  # see scripts/take.lua

_SCRIPTS = Path(__file__).parent / "scripts"
_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Counted:
    """A window whose calls are counted one by one."""

    units: int  # that it may hold
    window_s: float
    quickest: float  # units a second, while what was missed is caught up
    catch_up_s: float  # most that is caught up


@dataclass(frozen=True, slots=True)
class Ask:
    """What `take` needs to know of one call and of the account's limits."""

    use: Use
    units: int
    usual_units: int  # of a usual call
    pace: float  # units a second
    share: float  # of the pace for this use, 0 to 1
    share_while_live: float  # the same while live mail asks
    ahead_s: float  # furthest in the future that a turn is given
    most_calls: int  # under way at once, over all processes
    turn: str  # a name of its own
    lapse_s: float  # a turn not given back by then is free again
    counted: Counted | None = None  # None: the pace alone keeps any window within the budget


@dataclass(frozen=True, slots=True)
class Answer:
    """What `take` says."""

    verdict: Verdict
    wait_s: float  # granted: wait, then call; else wait, then ask again
    used_units: float  # by all processes in the last minute, about


class QuotaScripts:
    """Thread-safe."""

    def __init__(
        self, client: RedisClient, *, account: str, prefix: str, now_us: Callable[[], int] | None = None
    ) -> None:
        """`prefix` begins the keys (the stream's name). `now_us`: None for the server's clock; tests pass their own."""
        base = f"{{{prefix}:gmail_quota:{account_tag(account)}}}"
        self._pace_key, self._calls_key = f"{base}:pace", f"{base}:calls"
        self._counted_key, self._nothing_key = f"{base}:counted", f"{base}:nothing"
        self._client = client
        self._take = client.register_script((_SCRIPTS / "take.lua").read_text(encoding="utf-8"))
        self._leave = client.register_script((_SCRIPTS / "leave.lua").read_text(encoding="utf-8"))
        self._pause = client.register_script((_SCRIPTS / "pause.lua").read_text(encoding="utf-8"))
        self._now_us = now_us

    def take(self, ask: Ask, given_back: Iterable[str] = ()) -> Answer:
        """Ask for a turn, and give back others whose calls are over."""
        arguments = (
            ask.use,
            ask.units,
            ask.usual_units,
            _US / ask.pace,
            ask.share,
            ask.share_while_live,
            round(ask.ahead_s * _US),
            ask.most_calls,
            ask.turn,
            round(ask.lapse_s * _US),
            self._told_time(),
            *_counted_arguments(ask.counted),
            *given_back,
        )
        keys = [self._pace_key, self._calls_key, self._counted_key, self._nothing_key]
        with redis_errors():
            told = self._take(keys=keys, args=arguments)
        verdict, wait_us, used = cast("tuple[bytes, bytes, bytes]", told)
        return Answer(cast(Verdict, verdict.decode()), int(wait_us) / _US, float(used))

    def leave(self, ask: Ask) -> None:
        """Tell that a call leaves now, later than its turn came; only where calls are counted."""
        keys = [self._counted_key, self._nothing_key]
        with redis_errors():
            self._leave(keys=keys, args=[f"{ask.units}:{ask.turn}", self._told_time()])

    def give_back(self, turns: Iterable[str]) -> None:
        """Give turns back, at least one."""
        with redis_errors():
            self._client.zrem(self._calls_key, *turns)

    def pause(self, *, told_s: float, first_s: float, cap_s: float, longest_s: float) -> tuple[float, bool]:
        """Pause the account; return for how long, and whether this call began or lengthened the pause.

        `told_s`: what Google said, 0 if nothing; the rest are the bounds of scripts/pause.lua.
        """
        arguments = [round(seconds * _US) for seconds in (told_s, first_s, cap_s, longest_s)]
        with redis_errors():
            told: Any = self._pause(keys=[self._pace_key, self._nothing_key], args=[*arguments, self._told_time()])
        return int(told[0]) / _US, bool(told[1])

    def _told_time(self) -> int | str:
        return self._now_us() if self._now_us else ""


def _counted_arguments(counted: Counted | None) -> tuple[float, ...]:
    if counted is None:
        return 0, 0, 0, 0
    return counted.units, round(counted.window_s * _US), _US / counted.quickest, round(counted.catch_up_s * _US)
