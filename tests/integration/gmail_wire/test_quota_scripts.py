"""The governor's promises, held against its real scripts in simulated time, for any traffic."""

from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from src.common.redis_client import RedisConnection
from src.sync.quota import AHEAD_S, FIRST_PAUSE_S, LONGEST_PAUSE_S, PAUSE_CAP_S, Limits
from src.sync.quota_profile import PROFILES, ProfileName
from src.sync.quota_scripts import QuotaScripts
from tests.fakes.quota_traffic import Caller, Traffic, arrived, mean_units, peak_units
from tests.fixtures.redis_servers import RedisClusterServers, RedisServer, connection_to

pytestmark = pytest.mark.redis

ACCOUNT = "reader@example.org"
EPSILON_S = 1e-5  # times are kept in whole µs


def scripts_for(redis: RedisConnection, traffic: Traffic) -> QuotaScripts:
    redis.commands.flushall()
    return QuotaScripts(redis.commands, account=ACCOUNT, prefix="mails", now_us=traffic.now_us)


@pytest.mark.parametrize(("name", "callers"), [("2026", 2), ("legacy", 5)])  # as many as the pace keeps busy
def test_a_backfill_of_5000_mails_sits_at_the_budget(redis: RedisConnection, name: ProfileName, callers: int) -> None:
    profile = PROFILES[name]
    traffic = Traffic(profile)
    left = traffic.run(
        scripts_for(redis, traffic), [Caller("backfill", "get", 5000 // callers) for _ in range(callers)]
    )
    assert len(left) == 5000
    assert peak_units(arrived(left, Random(1), spread_s=profile.spread_s), profile.window_s) <= profile.units
    assert mean_units(left) >= 0.94 * profile.units / profile.window_s


def test_threads_that_wake_late_cost_hardly_anything(redis: RedisConnection) -> None:
    profile = PROFILES["legacy"]
    traffic = Traffic(profile)
    callers = [Caller("backfill", "get", 100, latency_s=0.05, late_each=20) for _ in range(10)]
    left = traffic.run(scripts_for(redis, traffic), callers)
    assert peak_units(arrived(left, Random(1), spread_s=profile.spread_s), profile.window_s) <= profile.units
    assert mean_units(left) >= 0.94 * profile.units / profile.window_s


any_caller = st.builds(
    Caller,
    use=st.sampled_from(["live", "backfill", "backfill", "census"]),
    call=st.sampled_from(["get", "get", "get", "list", "history", "labels", "profile", "watch", "stop"]),
    calls=st.integers(1, 12),
    latency_s=st.floats(0.001, 2.0),
    start_s=st.floats(0.0, 3.0),
    pause_s=st.sampled_from([0.0, 0.0, 0.3, 5.0]),
    late_each=st.sampled_from([0, 0, 2, 7]),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    many=st.lists(any_caller, min_size=1, max_size=9),
    name=st.sampled_from(sorted(PROFILES)),
    most=st.integers(1, 12),
    rng=st.randoms(use_true_random=False),
)
def test_no_traffic_ever_goes_over_the_budget_or_the_number_of_calls(
    redis: RedisConnection, many: list[Caller], name: ProfileName, most: int, rng: Random
) -> None:
    profile = PROFILES[name]
    traffic = Traffic(profile, Limits(most_calls=most))
    left = traffic.run(scripts_for(redis, traffic), many)
    assert len(left) == sum(caller.calls for caller in many)  # nobody starves
    assert peak_units(arrived(left, rng, spread_s=profile.spread_s), profile.window_s) <= profile.units
    assert traffic.most_under_way <= most
    quickest = profile.counted.quickest if profile.counted else profile.pace
    for earlier, later in pairwise(left if not any(caller.late_each for caller in many) else []):  # evenly spread
        assert later.at_s - earlier.at_s >= earlier.units / quickest - EPSILON_S


@pytest.mark.parametrize("name", PROFILES)
def test_live_mail_hardly_waits_however_many_calls_of_a_backfill_do(redis: RedisConnection, name: ProfileName) -> None:
    profile = PROFILES[name]
    traffic = Traffic(profile)
    backfill = [Caller("backfill", "get", 20) for _ in range(12)]
    left = traffic.run(scripts_for(redis, traffic), [*backfill, Caller("live", "get", 10, start_s=1.0, pause_s=0.5)])
    one_call_s = profile.costs.get / profile.pace
    assert max(call.waited_s for call in left if call.use == "live") <= AHEAD_S + 2 * one_call_s


def test_while_live_mail_asks_a_backfill_leaves_its_share_free(redis: RedisConnection) -> None:
    profile = PROFILES["legacy"]
    traffic = Traffic(profile, Limits(backfill_share=0.5))
    live = Caller("live", "labels", 20, pause_s=0.5)
    left = traffic.run(scripts_for(redis, traffic), [live, *(Caller("backfill", "get", 60) for _ in range(6))])
    backfill = [call for call in left if call.use == "backfill" and 1.0 < call.at_s - left[0].at_s < 6.0]
    assert 0.4 < mean_units(backfill) / profile.pace <= 0.51


def test_a_census_takes_its_share_only(redis: RedisConnection) -> None:
    profile = PROFILES["2026"]
    traffic = Traffic(profile, Limits(census_share=0.1))
    left = traffic.run(scripts_for(redis, traffic), [Caller("census", "list", 50)])
    assert mean_units(left) == pytest.approx(0.1 * profile.pace, rel=0.01)


def test_the_turn_of_a_process_that_died_lapses(redis: RedisConnection) -> None:
    traffic = Traffic(PROFILES["legacy"], Limits(most_calls=2, lapse_s=30.0))
    scripts = scripts_for(redis, traffic)
    for turn in ("a", "b"):
        assert scripts.take(traffic.ask("live", 1, turn)).verdict == "granted"
    assert scripts.take(traffic.ask("live", 1, "c")).verdict == "full"
    traffic.now_s += 31.0
    assert scripts.take(traffic.ask("live", 1, "c")).verdict == "granted"


def test_an_account_goes_on_half_a_minute_after_its_producer_was_killed_in_the_midst_of_all_its_calls(
    redis: RedisConnection,
) -> None:
    limits = Limits()
    traffic = Traffic(PROFILES["legacy"], limits)
    scripts = scripts_for(redis, traffic)
    for number in range(limits.most_calls):
        assert scripts.take(traffic.ask("live", 1, f"killed {number}")).verdict == "granted"
    traffic.now_s += 31.0
    assert scripts.take(traffic.ask("backfill", 1, "next")).verdict == "granted"


def test_one_place_is_kept_for_live_mail(redis: RedisConnection) -> None:
    traffic = Traffic(PROFILES["legacy"], Limits(most_calls=2))
    scripts = scripts_for(redis, traffic)
    assert scripts.take(traffic.ask("backfill", 1, "a")).verdict == "granted"
    assert scripts.take(traffic.ask("backfill", 1, "b")).verdict == "full"
    assert scripts.take(traffic.ask("live", 1, "c")).verdict == "granted"


def pause(scripts: QuotaScripts, told_s: float) -> tuple[float, bool]:
    return scripts.pause(told_s=told_s, first_s=FIRST_PAUSE_S, cap_s=PAUSE_CAP_S, longest_s=LONGEST_PAUSE_S)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(st.floats(0.001, 10_000.0), min_size=1, max_size=6))
def test_a_pause_lasts_until_the_latest_time_told_and_nobody_calls_before(
    redis: RedisConnection, told: list[float]
) -> None:
    traffic = Traffic(PROFILES["2026"])
    scripts = scripts_for(redis, traffic)
    for seconds in told:
        pause(scripts, seconds)
    end_s = min(max(told), LONGEST_PAUSE_S)
    answer = scripts.take(traffic.ask("live", 20, "a"))
    assert answer.verdict == "paused"
    assert answer.wait_s == pytest.approx(end_s, abs=1e-5)
    traffic.now_s += end_s + 1e-3
    left = traffic.run(scripts, [Caller("backfill", "get", 3) for _ in range(5)])
    assert peak_units(left, 1.0) <= 120  # the end of a pause is no burst


def test_without_a_time_told_the_pause_doubles_and_calms_down(redis: RedisConnection) -> None:
    traffic = Traffic(PROFILES["2026"])
    scripts = scripts_for(redis, traffic)
    lasted = []
    for _ in range(9):
        seconds, is_new = pause(scripts, 0.0)
        assert is_new
        assert pause(scripts, 0.0) == (seconds, False)  # the other calls under way were throttled too
        lasted.append(seconds)
        traffic.now_s += seconds + 0.001
    assert lasted == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    traffic.now_s += 301.0
    assert pause(scripts, 0.0) == (1.0, True)


def test_a_server_clock_set_back_stops_nobody_for_long(redis: RedisConnection) -> None:
    traffic = Traffic(PROFILES["legacy"])
    scripts = scripts_for(redis, traffic)
    traffic.run(scripts, [Caller("live", "get", 5), Caller("backfill", "get", 5), Caller("census", "list", 5)])
    pause(scripts, 5.0)
    traffic.now_s -= 86_400.0
    pause(scripts, 1.0)
    traffic.now_s += 1.001
    for use in ("live", "backfill", "census"):
        answer = scripts.take(traffic.ask(use, 5, use))
        assert answer.verdict == "granted"
        assert answer.wait_s < 1.0


def test_used_units_are_told_and_fade(redis: RedisConnection) -> None:
    traffic = Traffic(PROFILES["2026"], now_s=1_000_020.0)  # a minute begins
    scripts = scripts_for(redis, traffic)
    left = traffic.run(scripts, [Caller("backfill", "get", 50)])
    assert scripts.take(traffic.ask("live", 1, "a")).used_units == 1 + sum(call.units for call in left)
    traffic.now_s = 1_000_020.0 + 60 + 30
    assert scripts.take(traffic.ask("live", 1, "b")).used_units == pytest.approx(1001 / 2, abs=2)
    traffic.now_s += 120
    assert scripts.take(traffic.ask("live", 1, "c")).used_units == pytest.approx(0, abs=1)


def test_accounts_do_not_touch_each_other_and_leave_nothing_behind(redis: RedisConnection) -> None:
    traffic = Traffic(PROFILES["2026"])
    scripts = scripts_for(redis, traffic)
    other = QuotaScripts(redis.commands, account="other@example.org", prefix="mails", now_us=traffic.now_us)
    pause(scripts, 60.0)
    assert other.take(traffic.ask("live", 1, "a")).verdict == "granted"
    keys = list(redis.commands.scan_iter())
    assert len(keys) == 3
    assert all(0 < redis.commands.ttl(key) <= 7200 for key in keys)
    assert not any(b"example.org" in key for key in keys)


def test_scripts_run_on_both_servers_by_the_servers_own_clock(redis_server: RedisServer) -> None:
    connection = connection_to(redis_server.url)
    traffic = Traffic(replace(PROFILES["2026"], spread_s=5.0))
    scripts = QuotaScripts(connection.commands, account=ACCOUNT, prefix="mails")
    waits = [scripts.take(traffic.ask("live", 20, str(number))).wait_s for number in range(4)]
    assert waits == sorted(waits)
    assert waits[-1] == pytest.approx(3 * 20 / traffic.profile.pace, abs=0.1)
    assert scripts.pause(told_s=3, first_s=1, cap_s=60, longest_s=3600)[0] == pytest.approx(3, abs=0.1)
    assert scripts.take(traffic.ask("live", 20, "b")).verdict == "paused"
    connection.close()


def test_a_full_redis_still_governs(redis: RedisConnection) -> None:
    traffic = Traffic(PROFILES["2026"])
    scripts = scripts_for(redis, traffic)
    redis.commands.config_set("maxmemory", 1)
    try:
        assert scripts.take(traffic.ask("live", 20, "a")).verdict == "granted"
        assert pause(scripts, 5.0) == (5.0, True)
    finally:
        redis.commands.config_set("maxmemory", 0)


@pytest.mark.cluster
def test_scripts_run_on_a_cluster(redis_cluster: RedisClusterServers) -> None:
    connection = connection_to(redis_cluster.url)
    traffic = Traffic(PROFILES["2026"])
    scripts = QuotaScripts(connection.commands, account=ACCOUNT, prefix="mails")
    assert scripts.take(traffic.ask("live", 20, "a")).verdict == "granted"
    scripts.give_back(["a"])
    assert pause(scripts, 5.0) == (5.0, True)
    connection.close()
