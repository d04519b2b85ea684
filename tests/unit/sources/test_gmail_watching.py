"""A watch is kept for as long as the account is read, costs no more than it must, and never stands in the way."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from src.common.errors import (
    GmailOtherWatchError,
    GmailRefusedError,
    GmailUnavailableError,
    IngestError,
    RedisUnavailableError,
    SourceUnavailableError,
)
from src.common.logs import account_tag
from src.sources.gmail.watching import RENEW_EVERY, Watching, is_due
from src.sync.gmail_values import Watch
from src.sync.watch_records import WatchRecord
from tests.fakes.clock import FakeClock
from tests.fixtures.logs import CapturedLogs

ACCOUNT = "ada@example.org"
TOPIC = "projects/example/topics/mail"
POLL_S = 60.0


class GmailOfOne:
    """Plays WatchCalls for one account: one topic at a time, seven days."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.lives = timedelta(days=7)
        self.topic = ""
        self.ends_at = clock.now()
        self.calls: list[str] = []
        self.fails_with: IngestError | None = None

    def watch(self, topic: str) -> Watch:
        self._called("watch")
        if self.topic not in ("", topic) and self.ends_at > self._clock.now():
            raise GmailOtherWatchError("Only one user push notification client allowed")
        self.topic, self.ends_at = topic, self._clock.now() + self.lives
        return Watch(1, self.ends_at)

    def stop(self) -> None:
        self._called("stop")
        self.topic = ""

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.fails_with is not None:
            raise self.fails_with


class MemoryRecords:
    """Plays Records."""

    def __init__(self) -> None:
        self.record: WatchRecord | None = None
        self.fails_with: IngestError | None = None

    def load(self, account: str) -> WatchRecord | None:
        if self.fails_with is not None:
            raise self.fails_with
        return self.record

    def store(self, account: str, record: WatchRecord) -> None:
        self.record = record


class Place:
    """One account's watch, stepped by hand."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.gmail = GmailOfOne(self.clock)
        self.records = MemoryRecords()
        self.watching = self.restarted()

    def restarted(self, topic: str = TOPIC) -> Watching:
        self.watching = Watching(self.gmail, self.records, account=ACCOUNT, topic=topic, clock=self.clock)
        return self.watching

    def poll(self, lasting: timedelta) -> None:
        """Look every minute for so long."""
        for _ in range(int(lasting.total_seconds() / POLL_S)):
            self.watching.keep()
            self.clock.advance(POLL_S)


def expires() -> float | None:
    return REGISTRY.get_sample_value(
        "email_ingestion_gmail_watch_expires_timestamp_seconds", {"account": account_tag(ACCOUNT)}
    )


def test_a_watch_is_renewed_each_day_and_never_lapses() -> None:
    place = Place()
    for _ in range(30):
        place.poll(timedelta(days=1))
        assert place.gmail.ends_at > place.clock.now() + timedelta(days=5)
        assert expires() == place.gmail.ends_at.timestamp()
    assert place.gmail.calls == ["watch"] * 30


def test_a_restart_asks_no_sooner_than_due() -> None:
    place = Place()
    for _ in range(20):
        place.restarted().keep()
        place.clock.advance(3600)
    assert place.gmail.calls == ["watch"]
    place.clock.advance(4 * 3600)
    place.restarted().keep()
    assert place.gmail.calls == ["watch"] * 2


def test_another_topic_in_the_settings_takes_the_place_of_the_old_one() -> None:
    place = Place()
    place.watching.keep()
    place.restarted("projects/example/topics/new").keep()
    assert place.gmail.calls == ["watch", "watch", "stop", "watch"]
    assert place.gmail.topic == "projects/example/topics/new"


def test_a_watch_of_someone_else_is_stopped_once_a_day_at_most() -> None:
    place = Place()
    place.gmail.watch("projects/other/topics/theirs")
    place.gmail.calls.clear()
    place.poll(timedelta(hours=12))
    assert place.gmail.calls == ["watch", "stop", "watch"]
    place.gmail.topic = "projects/other/topics/theirs"  # they took it back
    place.poll(timedelta(days=1))
    assert place.gmail.calls == ["watch", "stop", "watch"] * 2


@pytest.mark.parametrize(
    ("error", "tries_an_hour"),
    [(GmailUnavailableError("no answer"), 6), (GmailRefusedError("403 forbidden"), 1)],
)
def test_a_watch_that_cannot_be_had_is_asked_for_now_and_then_and_said_once(
    error: IngestError, tries_an_hour: int, logs: CapturedLogs
) -> None:
    place = Place()
    place.gmail.fails_with = error
    place.poll(timedelta(hours=5))
    assert len(place.gmail.calls) == 5 * tries_an_hour
    assert expires() == 0.0
    assert [event["code"] for event in logs.named("gmail_watch_failed")] == [error.code]
    place.gmail.fails_with = None
    place.poll(timedelta(hours=2))
    assert len(logs.named("gmail_watch_begun")) == 1
    assert expires() == place.gmail.ends_at.timestamp()


def test_while_renewing_fails_the_metric_tells_when_the_watch_lapses() -> None:
    place = Place()
    place.watching.keep()
    lapses_at = place.gmail.ends_at
    place.gmail.fails_with = GmailRefusedError("403 forbidden")
    place.poll(timedelta(days=8))
    assert expires() == lapses_at.timestamp() < place.clock.now().timestamp()


def test_redis_away_is_no_reason_to_ask_gmail_or_to_stop() -> None:
    place = Place()
    place.records.fails_with = RedisUnavailableError("away")
    place.poll(timedelta(hours=1))
    assert place.gmail.calls == []


def test_an_interruption_passes() -> None:
    place = Place()
    place.gmail.fails_with = SourceUnavailableError("reading was interrupted")
    with pytest.raises(SourceUnavailableError):
        place.watching.keep()


def test_a_record_that_was_deleted_is_noticed_within_the_hour() -> None:
    place = Place()
    place.poll(timedelta(hours=2))
    place.records.record = None
    place.poll(timedelta(hours=1))
    place.watching.keep()
    assert place.gmail.calls == ["watch"] * 2


def test_a_watch_that_lives_shorter_is_renewed_at_half_its_life_and_never_in_a_hot_loop() -> None:
    place = Place()
    place.gmail.lives = timedelta(hours=6)
    place.poll(timedelta(days=1))
    assert len(place.gmail.calls) == 8
    place.gmail.lives = timedelta(0)
    place.gmail.calls.clear()
    place.poll(timedelta(days=1))
    assert len(place.gmail.calls) <= 24 * 6 + 1


T0 = datetime(2026, 1, 1, tzinfo=UTC)
RECORD = WatchRecord(TOPIC, T0, T0 + timedelta(days=7))


@pytest.mark.parametrize(
    ("after", "topic", "due"),
    [
        (timedelta(0), TOPIC, False),
        (RENEW_EVERY - timedelta(seconds=1), TOPIC, False),
        (RENEW_EVERY, TOPIC, True),
        (timedelta(days=400), TOPIC, True),
        (timedelta(seconds=-1), TOPIC, True),  # a clock was set back: nobody knows how long ago it was
        (timedelta(0), "projects/example/topics/new", True),
    ],
)
def test_when_a_watch_is_due(after: timedelta, topic: str, due: bool) -> None:
    assert is_due(RECORD, topic, T0 + after) is due


HOURS = st.floats(min_value=0.0, max_value=60.0)
EVENTS = st.lists(st.tuples(HOURS, st.sampled_from(["", "fail", "refuse", "restart", "forget"])), max_size=40)


@given(EVENTS)
def test_whatever_happens_a_good_hour_brings_a_watch(events: list[tuple[float, str]]) -> None:
    place = Place()
    failures: dict[str, IngestError | None] = {
        "fail": GmailUnavailableError("no answer"),
        "refuse": GmailRefusedError("403"),
    }
    for hours, what in events:
        place.clock.advance(hours * 3600)
        place.gmail.fails_with = failures.get(what)
        if what == "restart":
            place.restarted()
        if what == "forget":
            place.records.record = None
        place.watching.keep()
    place.gmail.fails_with = None
    place.poll(timedelta(hours=1, minutes=1))
    assert place.gmail.ends_at > place.clock.now() + timedelta(days=5)
