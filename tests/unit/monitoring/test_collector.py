"""The collector tells what is there, and tells apart "nought" and "not known"."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from src.common.errors import DatabaseUnavailableError, RedisUnavailableError
from src.common.logs import account_tag
from src.monitoring.collector import (
    FRESHNESS,
    MAILBOX_ERROR,
    MAX_AGE_S,
    NEEDS_SIGN_IN,
    SHARED_METRICS,
    SharedStateCollector,
    sign_in_family,
)
from src.store.protocol import StoreStats, SyncState
from src.stream.protocol import StreamStats
from tests.fakes.clock import FakeClock

ACCOUNT = "ada@example.org"


def _stream_stats() -> StreamStats:
    return StreamStats(
        waiting=7, pending=3, retries=2, retries_due=1, dead=4, dead_by_code={"mail_too_large": 4}, raw_bytes=512,
        max_entries=10, max_bytes=1024, oldest_waiting_s=12.5, counters={"published": 20}, consumers={"w1": 0.5},
    )  # fmt: skip


def _store_stats() -> StoreStats:
    return StoreStats(
        mails=11, deleted=2, attachments=5, stubs=1, with_defects=0, newest_received_at=None, size_bytes=4096
    )


def _collector(
    clock: FakeClock,
    stream_stats: Callable[[], StreamStats] = _stream_stats,
    store_stats: Callable[[], StoreStats] = _store_stats,
    retired_at: datetime | None = None,
) -> SharedStateCollector:
    last_poll = clock.now().timestamp() - 90
    mailbox = SyncState(ACCOUNT, "INBOX", {"last_poll": f"{last_poll:.0f}"}, error_code="login_refused")
    states = [replace(mailbox, retired_at=retired_at)]
    return SharedStateCollector(
        stream_stats=stream_stats, store_stats=store_stats, sync_states=lambda: states, clock=clock
    )


def _scrape(collector: SharedStateCollector) -> str:
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry).decode()


def test_every_shared_metric_is_served() -> None:
    text = _scrape(_collector(FakeClock()))
    for metric in SHARED_METRICS:
        assert f"\n{metric.name}{{" in text or f"\n{metric.name} " in text, metric.name


def test_values_are_those_of_the_services() -> None:
    text = _scrape(_collector(FakeClock()))
    assert "email_ingestion_stream_depth 7.0" in text
    assert 'email_ingestion_cap_use_ratio{of="entries"} 0.9' in text
    assert 'email_ingestion_cap_use_ratio{of="bytes"} 0.5' in text
    assert 'email_ingestion_dead_letters{code="mail_too_large"} 4.0' in text
    assert 'email_ingestion_service_up{service="redis"} 1.0' in text


def test_a_service_that_is_away_is_told_and_its_numbers_are_missing_not_zero() -> None:
    def away() -> StreamStats:
        raise RedisUnavailableError("Redis does not answer")

    text = _scrape(_collector(FakeClock(), stream_stats=away))
    assert 'email_ingestion_service_up{service="redis"} 0.0' in text
    assert "email_ingestion_stream_depth" not in text
    assert 'email_ingestion_stored_mails{state="mails"} 11.0' in text


def test_the_database_away_leaves_the_stream_visible() -> None:
    def away() -> StoreStats:
        raise DatabaseUnavailableError("the database is locked")

    text = _scrape(_collector(FakeClock(), store_stats=away))
    assert 'email_ingestion_service_up{service="database"} 0.0' in text
    assert "email_ingestion_stream_depth 7.0" in text


def test_no_address_is_served() -> None:
    text = _scrape(_collector(FakeClock()))
    assert ACCOUNT not in text
    assert account_tag(ACCOUNT) in text


def test_freshness_is_the_time_since_the_last_poll() -> None:
    clock = FakeClock()
    collector = _collector(clock)
    clock.advance(10)
    assert "} 100.0" in _scrape(collector).split("email_ingestion_mailbox_freshness_seconds{")[1].splitlines()[0]


def test_scrapes_at_one_moment_share_one_look() -> None:
    clock = FakeClock()
    looks = []

    def count() -> StreamStats:
        looks.append(clock.monotonic())
        return _stream_stats()

    collector = _collector(clock, stream_stats=count)
    _scrape(collector)
    _scrape(collector)
    assert len(looks) == 1
    clock.advance(MAX_AGE_S + 1)
    _scrape(collector)
    assert len(looks) == 2


NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def waiting(states: Sequence[SyncState]) -> dict[str, float]:
    """Return the gauge of each account."""
    return {sample.labels["account"]: sample.value for sample in sign_in_family(states).samples}


@pytest.mark.parametrize(
    ("code", "waits"),
    [
        ("sign_in_needed", 1),  # `invalid_grant`, or never signed in
        ("scope_missing", 1),  # signed in, a box of the consent page was not ticked
        ("delegation_refused", 1),  # a service account that the domain does not allow
        ("login_refused", 0),  # a wrong password: no sign-in helps
        ("source_unavailable", 0),
        ("", 0),
    ],
)
def test_an_account_waits_for_a_sign_in_while_one_of_its_mailboxes_does(code: str, waits: int) -> None:
    states = [
        SyncState(ACCOUNT, "INBOX", {}, updated_at=NOW),
        SyncState(ACCOUNT, "Work", {}, error_code=code, updated_at=NOW - timedelta(minutes=5)),
        SyncState("bea@example.org", "INBOX", {}, updated_at=NOW),
    ]
    assert waiting(states) == {account_tag(ACCOUNT): waits, account_tag("bea@example.org"): 0}


def test_a_mailbox_that_is_read_no_more_has_no_gauge() -> None:
    """As after a change from IMAP to the API: the old state stays as it was when it failed last."""
    families = {metric.name: metric.samples for metric in _collector(FakeClock(), retired_at=NOW).collect()}
    assert families[FRESHNESS.name] == families[MAILBOX_ERROR.name] == families[NEEDS_SIGN_IN.name] == []


def test_a_producer_that_stands_still_does_not_clear_it() -> None:
    long_ago = SyncState(ACCOUNT, "INBOX", {}, error_code="sign_in_needed", updated_at=NOW - timedelta(days=90))
    assert waiting([long_ago]) == {account_tag(ACCOUNT): 1}
    assert waiting([SyncState(ACCOUNT, "INBOX", {}, error_code="sign_in_needed")]) == {account_tag(ACCOUNT): 1}
