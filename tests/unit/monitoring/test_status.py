"""The status report: whole while all is well, and still useful while a service is away."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from src.common.errors import DatabaseUnavailableError, RedisUnavailableError
from src.common.logs import account_tag
from src.model.cursor import Cursor
from src.monitoring.status import LEFT_HOLDS_S, StatusReport, Unavailable, cap_use, gather_status, is_full
from src.monitoring.status_json import as_json
from src.store.protocol import StoreStats, SyncState
from src.stream.protocol import StreamStats
from tests.fakes.clock import FakeClock

ADA = "ada@example.org"
STREAM = StreamStats(
    waiting=5, pending=2, retries=1, retries_due=0, dead=1, dead_by_code={"mail_too_large": 1}, max_entries=10,
    max_bytes=1000, raw_bytes=100, counters={"settled": 7}, consumers={"w1": 0.5}, redis_version="7.0.15",
)  # fmt: skip
STORED = StoreStats(
    mails=7, deleted=1, attachments=3, stubs=0, with_defects=0, newest_received_at=datetime(2026, 1, 1, tzinfo=UTC),
    size_bytes=4096,
)  # fmt: skip


class Stream:
    def __init__(self, cursor: Cursor | None = None) -> None:
        self._cursor = cursor or Cursor()

    def stats(self) -> StreamStats:
        return STREAM

    def load_cursor(self, account: str, mailbox: str) -> Cursor:
        return self._cursor


class Store:
    def __init__(self, *states: SyncState) -> None:
        self._states = list(states)

    def stats(self, account: str | None = None) -> StoreStats:
        return STORED

    def accounts(self) -> list[str]:
        return sorted({state.account for state in self._states})

    def sync_states(self, account: str | None = None) -> list[SyncState]:
        return self._states


def redis_is_away() -> Stream:
    raise RedisUnavailableError("Redis does not answer; user ada@example.org")


def database_is_away() -> Store:
    raise DatabaseUnavailableError("the database is locked")


def gather(
    stream: Callable[[], Stream] = Stream,
    store: Callable[[], Store] = Store,
    configured: list[tuple[str, str]] | None = None,
) -> StatusReport:
    return gather_status(stream, store, clock=FakeClock(), configured=configured or [])


def test_everything_is_there() -> None:
    polled = str(int((FakeClock().now() - timedelta(minutes=5)).timestamp()))
    report = gather(
        lambda: Stream(Cursor({"last_uid": "41", "last_poll": polled})), lambda: Store(SyncState(ADA, "INBOX"))
    )
    assert report.is_whole
    (account,) = report.accounts
    (box,) = account.mailboxes
    assert (account.account, account.tag, account.stored) == (ADA, account_tag(ADA), STORED)
    assert (box.cursor["last_uid"], box.age_s, box.error_code) == ("41", 300.0, "")


@pytest.mark.parametrize(
    ("text", "age_s"), [("2025-12-31T23:59:00+00:00", 60.0), ("soon", None), ("", None), ("1e99", None)]
)
def test_a_last_poll_of_any_shape_is_read_or_left_out(text: str, age_s: float | None) -> None:
    report = gather(lambda: Stream(Cursor({"last_poll": text})), lambda: Store(SyncState(ADA, "INBOX")))
    assert report.accounts[0].mailboxes[0].age_s == age_s


def test_a_mailbox_that_is_read_no_more_is_told_as_such() -> None:
    since = FakeClock().now()
    report = gather(store=lambda: Store(SyncState(ADA, "INBOX", retired_at=since)))
    assert report.accounts[0].mailboxes[0].retired_at == since
    told = orjson.dumps(as_json(report, with_names=False)).decode()
    assert f'"retired_at":"{since.isoformat()}"' in told


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, (1200, 34.5)),
        ({"updated_at": FakeClock().now() - timedelta(seconds=LEFT_HOLDS_S + 1)}, (1200, None)),  # the producer ended
        ({"left_s": None}, (1200, None)),  # nobody knows yet
        ({"left_mails": 0}, (None, None)),
        ({"retired_at": FakeClock().now()}, (None, None)),
    ],
)
def test_what_is_left_is_told_and_how_long_it_takes_as_long_as_that_holds(
    changes: dict[str, Any], told: tuple[int | None, float | None]
) -> None:
    now = FakeClock().now()
    state = replace(SyncState(ADA, "Gmail", updated_at=now, left_mails=1200, left_s=34.5), **changes)
    report = gather(store=lambda: Store(state))
    (box,) = report.accounts[0].mailboxes
    assert (box.left_mails, box.left_s) == told
    assert box.left_at == (state.updated_at if told[0] else None)
    shown = orjson.loads(orjson.dumps(as_json(report, with_names=False)))["accounts"][0]["mailboxes"][0]
    assert (shown["left"], shown["left_s"]) == told


def test_without_redis_the_database_tells_how_far_it_was_read() -> None:
    report = gather(redis_is_away, lambda: Store(SyncState(ADA, "INBOX", {"last_uid": "40"}, "source_unavailable")))
    assert isinstance(report.stream, Unavailable)
    assert (report.stream.code, report.is_whole) == ("redis_unavailable", False)
    assert report.database == STORED
    box = report.accounts[0].mailboxes[0]
    assert (box.cursor, box.error_code) == ({"last_uid": "40"}, "source_unavailable")


def test_without_the_database_the_configured_mailboxes_are_shown() -> None:
    report = gather(lambda: Stream(Cursor({"last_uid": "41"})), database_is_away, [(ADA, "INBOX")])
    assert isinstance(report.database, Unavailable)
    assert report.stream == STREAM
    assert report.accounts[0].stored is None
    assert report.accounts[0].mailboxes[0].cursor == {"last_uid": "41"}


def test_without_either_it_is_still_a_report() -> None:
    report = gather(redis_is_away, database_is_away, [(ADA, "INBOX")])
    assert not report.is_whole
    assert orjson.loads(orjson.dumps(as_json(report, with_names=True)))["redis"]["is_up"] is False


def test_for_others_there_are_tags_and_no_names() -> None:
    report = gather(redis_is_away, lambda: Store(SyncState(ADA, "INBOX")))
    told = orjson.dumps(as_json(report, with_names=False)).decode()
    assert "ada@" not in told
    assert "INBOX" not in told
    assert account_tag(ADA) in told


@pytest.mark.parametrize(
    ("changes", "full", "use"),
    [
        ({}, False, 0.6),  # 5 waiting + 1 retry of 10
        ({"waiting": 9}, True, 1.0),
        ({"waiting": 0, "raw_bytes": 1000}, True, 1.0),  # full by bytes
        ({"waiting": 0, "retries": 0, "raw_bytes": 0}, False, 0.0),
        ({"max_entries": 0, "max_bytes": 0}, False, 0.0),  # not told
    ],
)
def test_cap(changes: dict[str, int], full: bool, use: float) -> None:
    stats = replace(STREAM, **changes)  # type: ignore[arg-type]
    assert is_full(stats) is full
    assert cap_use(stats) == pytest.approx(use)
