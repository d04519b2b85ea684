"""What `doctor` says of pushes, offline and online."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.account import Account
from config.settings import Settings
from src.cli.checks.check import Check, State
from src.cli.checks.push_checks import judged_watch, push_checks
from src.common.clock import SystemClock
from src.sync.watch_records import WatchRecord, WatchRecords
from tests.fakes.gmail.fake_gmail import FakeGmail
from tests.fixtures.redis_servers import RedisServer, connection_to
from tests.integration.gmail_push.conftest import SUBSCRIPTION, TOPIC

ACCOUNT = "ada@example.org"
NOW = datetime(2026, 1, 10, tzinfo=UTC)
DAY = timedelta(days=1)


def look(settings: Settings, *, is_online: bool = False) -> dict[str, Check]:
    account = Account(ACCOUNT, settings.model_copy(update={"use_gmail_api": True}))
    return {check.name: check for check in push_checks([account], SystemClock(), is_online=is_online)}


@pytest.mark.parametrize(
    ("record", "state"),
    [
        (None, State.YELLOW),
        (WatchRecord(TOPIC, NOW - DAY, NOW + 6 * DAY), State.GREEN),
        (WatchRecord(TOPIC, NOW - 3 * DAY, NOW + 4 * DAY), State.YELLOW),  # not renewed for long
        (WatchRecord(TOPIC, NOW - 8 * DAY, NOW - DAY), State.RED),  # lapsed
        (WatchRecord("projects/example/topics/old", NOW, NOW + 7 * DAY), State.YELLOW),
    ],
)
def test_what_a_watch_looks_like(record: WatchRecord | None, state: State) -> None:
    check = judged_watch("watch", record, TOPIC, NOW)
    assert check.state is state
    assert bool(check.mend) is (state is not State.GREEN)


def test_without_pushes_there_is_nothing_to_look_at(push_settings: Settings) -> None:
    none = push_settings.model_copy(update={"gmail_pubsub_topic": "", "gmail_pubsub_subscription": ""})
    assert look(none, is_online=True) == {}


@pytest.mark.redis
def test_all_is_green_once_the_account_is_watched(
    gmail: FakeGmail, redis7: RedisServer, push_settings: Settings
) -> None:
    settings = push_settings.model_copy(update={"redis_url": redis7.url})
    Path(settings.google_pubsub_credentials_file).chmod(0o600)
    connection = connection_to(redis7.url)
    now = SystemClock().now()
    records = WatchRecords(connection.commands, prefix=settings.redis_stream_name)
    records.store(ACCOUNT, WatchRecord(TOPIC, now, now + 7 * DAY))
    connection.close()
    checks = look(settings, is_online=True)
    assert {name: check.state for name, check in checks.items()} == dict.fromkeys(
        ("watch", "key file", "subscription"), State.GREEN
    )
    assert gmail.calls("subscriptions.pull") == 0  # looking takes no events away


def test_what_keeps_the_key_from_pulling_is_red(gmail: FakeGmail, push_settings: Settings, tmp_path: Path) -> None:
    settings = push_settings.model_copy(update={"gmail_pubsub_topic": ""})
    gmail.pubsub_key(may_pull=False)
    assert look(settings, is_online=True)["subscription"].state is State.RED
    gmail.pubsub_key()
    missing = settings.model_copy(update={"gmail_pubsub_subscription": SUBSCRIPTION + "x"})
    assert look(missing, is_online=True)["subscription"].state is State.RED
    no_key = settings.model_copy(update={"google_pubsub_credentials_file": str(tmp_path / "missing.json")})
    assert look(no_key)["key file"].mend == "see docs/runbooks/token_file.md"
    gmail.http.stop()
    assert look(settings, is_online=True)["subscription"].mend == "see docs/runbooks/push_unavailable.md"
    nowhere = settings.model_copy(update={"google_pubsub_credentials_file": "", "pubsub_api_endpoint": ""})
    assert look(nowhere)["key file"].state is State.RED


def test_a_key_that_others_may_read_is_noted(push_settings: Settings) -> None:
    settings = push_settings.model_copy(update={"gmail_pubsub_topic": ""})
    Path(settings.google_pubsub_credentials_file).chmod(0o644)
    assert look(settings)["key file"].state is State.YELLOW
