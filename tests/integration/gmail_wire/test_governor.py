"""The governor as its callers see it: threads, two processes at once, pauses, stops, and Redis going away."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest
from prometheus_client import REGISTRY

from src.common.clock import SystemClock
from src.common.errors import GmailThrottledError, RedisUnavailableError
from src.common.logs import account_tag
from src.common.redis_client import RedisConnection
from src.sync.quota import PATIENCE_S, Governor, Limits
from src.sync.quota_profile import PROFILES
from src.sync.quota_scripts import QuotaScripts, Use
from tests.fakes.clock import FakeClock
from tests.fakes.quota_traffic import Left, mean_units, peak_units
from tests.fixtures.redis_servers import RedisServer, connection_to

pytestmark = pytest.mark.redis

ACCOUNT = "reader@example.org"
TAG = account_tag(ACCOUNT)
LEGACY, NEW = PROFILES["legacy"], PROFILES["2026"]


def on_fake_time(redis: RedisConnection, clock: FakeClock, **limits: float) -> Governor:
    scripts = QuotaScripts(
        redis.commands, account=ACCOUNT, prefix="mails", now_us=lambda: round(clock.monotonic() * 1_000_000)
    )
    return Governor(scripts, NEW, account=ACCOUNT, clock=clock, limits=Limits(**limits))  # type: ignore[arg-type]


def on_real_time(redis: RedisConnection) -> Governor:
    scripts = QuotaScripts(redis.commands, account=ACCOUNT, prefix="mails")
    return Governor(scripts, LEGACY, account=ACCOUNT, clock=SystemClock())


def calls_of_two_processes(url: str, seconds: float) -> list[Left]:
    command = [sys.executable, "-m", "tests.fakes.quota_process", url, ACCOUNT, str(seconds)]
    pipe = subprocess.PIPE
    both = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(2)]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate(timeout=30)[0].split() for process in both]
    assert min(len(times) for times in told) > 20  # neither starves
    return sorted((Left(float(at), 5, "backfill", 0.0) for times in told for at in times), key=lambda call: call.at_s)


def test_two_processes_on_one_account_share_the_budget(redis7: RedisServer) -> None:
    means = []
    for _ in range(10):  # a machine that stalls for 40 ms spoils the mean of one run; nothing may spoil the peak
        left = calls_of_two_processes(redis7.url, 2.5)
        assert peak_units(left, 1.0) <= LEGACY.units
        means.append(mean_units(left) / LEGACY.units)
        if means[-1] >= 0.94:
            break
    assert max(means) >= 0.94


def test_a_call_waits_for_its_turn_and_says_how_long(redis: RedisConnection) -> None:
    clock = FakeClock()
    governor = on_fake_time(redis, clock)
    waits = [governor.take(20, use="backfill").waited_s for _ in range(4)]
    assert waits[0] == 0
    assert waits[1:] == pytest.approx([20 / NEW.pace] * 3, abs=0.001)


def test_turns_are_given_back_also_after_an_error(redis: RedisConnection) -> None:
    governor = on_fake_time(redis, FakeClock(), most_calls=2)
    for _ in range(5):
        with pytest.raises(ZeroDivisionError), governor.call("get", use="live"):
            _ = 1 / 0
    with governor.call("get", use="live"), governor.call("get", use="live"):
        pass


def test_a_short_pause_is_waited_for_and_a_long_one_is_an_error(redis: RedisConnection) -> None:
    clock = FakeClock()
    governor, other = on_fake_time(redis, clock), on_fake_time(redis, clock)
    assert governor.pause(PATIENCE_S - 1) == pytest.approx(PATIENCE_S - 1)
    assert other.take(20, use="live").waited_s == pytest.approx(PATIENCE_S - 1, abs=0.001)
    governor.pause(PATIENCE_S + 100)
    with pytest.raises(GmailThrottledError, match="120 s"):
        other.take(20, use="live")


def test_a_pause_stops_a_call_that_already_has_its_turn(redis: RedisConnection) -> None:
    clock = FakeClock()
    governor = on_fake_time(redis, clock)
    governor.take(20, use="backfill")
    paused_at: list[float] = []

    def sleep(seconds: float) -> None:
        if not paused_at:  # while it waits for its turn, another thread's call is throttled
            paused_at.append(clock.monotonic())
            governor.pause(10.0)
        clock.sleep(seconds)

    governor.take(20, use="backfill", sleep=sleep)
    assert clock.monotonic() >= paused_at[0] + 10.0


def test_a_thread_that_wakes_too_late_takes_a_later_turn(redis: RedisConnection) -> None:
    clock = FakeClock()
    governor = on_fake_time(redis, clock)
    governor.take(20, use="backfill")
    delays = iter([5.0])

    def sleep(seconds: float) -> None:
        clock.sleep(seconds + (next(delays, 0.0) if seconds else 0.0))

    turn = governor.take(20, use="backfill", sleep=sleep)
    assert turn.waited_s >= 5.0
    follower = governor.take(20, use="backfill")  # the late one did not join those whose turn it was
    assert follower.waited_s == pytest.approx(20 / NEW.pace, abs=0.001)


class StopError(Exception):
    pass


@pytest.mark.parametrize("use", ["live", "backfill"])
def test_what_sleep_raises_ends_the_wait_and_frees_the_turn(redis: RedisConnection, use: Use) -> None:
    governor = on_fake_time(redis, FakeClock(), most_calls=2)

    def stop(seconds: float) -> None:
        raise StopError

    for _ in range(3):
        with pytest.raises(StopError):
            governor.take(20, use=use, sleep=stop)
    governor.take(20, use=use)


def test_a_stop_reaches_those_who_stand_in_line(redis: RedisConnection) -> None:
    governor = on_real_time(redis)
    governor.pause(15.0)
    stop = threading.Event()
    ended: list[str] = []

    def sleep(seconds: float) -> None:
        if stop.wait(seconds):
            raise StopError

    def work() -> None:
        try:
            governor.take(5, use="backfill", sleep=sleep)
        except StopError:
            ended.append("stopped")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    stop.set()
    for thread in threads:
        thread.join(3.0)
    assert ended == ["stopped"] * 4


def test_without_redis_nobody_calls_and_with_it_again_they_do(own_redis: Callable[..., RedisServer]) -> None:
    server = own_redis()
    connection = connection_to(server.url)
    governor = on_real_time(connection)
    with governor.call("get", use="live"):
        server.kill9()  # the turn cannot be given back: no error, it lapses
    with pytest.raises(RedisUnavailableError):
        governor.take(5, use="live")
    with pytest.raises(RedisUnavailableError):
        governor.pause(None)
    server.start()
    governor.take(5, use="live")
    connection.close()


def sample(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_used_units_waits_and_what_remains_are_metrics(redis: RedisConnection) -> None:
    clock = FakeClock()
    governor = on_fake_time(redis, clock)
    used_before = sample("gmail_sync_quota_units_total", call="watch", use="live") or 0
    waits_before = sample("gmail_sync_quota_wait_seconds_count", use="live") or 0
    with governor.call("watch", use="live"):
        pass
    assert sample("gmail_sync_quota_units_total", call="watch", use="live") == used_before + 100
    assert sample("gmail_sync_quota_wait_seconds_count", use="live") == waits_before + 1
    assert sample("gmail_api_quota_remaining", account=TAG) == pytest.approx(5_900, abs=10)
    clock.advance(60.0)
    assert sample("gmail_api_quota_remaining", account=TAG) == 6_000
    governor.close()
    assert sample("gmail_api_quota_remaining", account=TAG) is None
