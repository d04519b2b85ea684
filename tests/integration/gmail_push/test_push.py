"""A push wakes the account it is about, and only a push does: the poll interval of these producers is ten minutes."""

import base64
import json
import time
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from src.common.clock import SystemClock
from src.common.logs import account_tag
from src.sync.watch_records import WatchRecord, WatchRecords
from tests.fakes.gmail import faults
from tests.fakes.gmail.errors import may_not_consume
from tests.fixtures.logs import CapturedLogs
from tests.fixtures.services import wait_until
from tests.integration.gmail_push.conftest import SUBSCRIPTION, TOPIC, Home

pytestmark = pytest.mark.redis

MAIL = b"Subject: hello\r\n\r\nbody\r\n"
ADA, EVE = "ada@example.org", "eve@example.org"


def data(**told: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(told).encode()).decode()


def metric(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"email_ingestion_gmail_{name}", labels)


def settled(home: Home) -> None:
    """Wait until every event was pulled, passed on and acknowledged."""
    wait_until(lambda: home.gmail.pubsub.waiting(SUBSCRIPTION) == 0, what="all events to be acknowledged", timeout_s=5)


def looks(home: Home, account: str) -> int:
    """Return how often the history of an account was asked for."""
    return sum(seen.method.endswith("history.list") and seen.account == account for seen in list(home.gmail.log))


def test_new_mail_comes_at_once(home: Home) -> None:
    home.gmail.mailbox.add(MAIL)
    home.produce().await_idle()
    home.await_published(1)
    for number in range(2, 5):
        home.gmail.mailbox.add(MAIL)
        home.await_published(number)
    settled(home)
    assert home.gmail.calls("users.watch") == 1
    assert metric("push_up", subscription="mail") == 1.0


def test_the_case_in_which_google_writes_an_address_does_not_matter(home: Home) -> None:
    home.produce().await_idle()
    settled(home)
    before = looks(home, ADA)
    home.gmail.pubsub.publish(TOPIC, data(emailAddress="ADA@Example.org", historyId=1))
    wait_until(lambda: looks(home, ADA) > before, what="a look", timeout_s=5)


def test_an_account_is_woken_by_its_address_whatever_its_name_here(home: Home) -> None:
    home.produce("work", gmail_user=ADA).await_idle()
    home.gmail.mailbox.add(MAIL)
    home.await_published(1)


def test_two_accounts_on_one_subscription_are_woken_apart(home: Home) -> None:
    other = home.gmail.add_account(EVE)
    home.produce(ADA, EVE).await_idle()
    settled(home)
    time.sleep(0.3)  # the watches' own pushes have been looked after
    before = {account: looks(home, account) for account in (ADA, EVE)}
    other.add(MAIL)
    home.await_published(1)
    assert looks(home, ADA) == before[ADA]
    home.gmail.mailbox.add(MAIL)
    home.await_published(2)
    assert sum(seen.method.endswith("subscriptions.pull") for seen in home.gmail.log) >= 2


def test_a_push_finds_the_process_that_reads_its_account(home: Home) -> None:
    other = home.gmail.add_account(EVE)
    home.produce(ADA).await_idle()
    home.produce(EVE, gmail_pubsub_subscription="").await_idle()  # the first one pulls for both
    other.add(MAIL)
    home.await_published(1)
    home.gmail.mailbox.add(MAIL)
    home.await_published(2)


def test_one_that_stands_by_takes_no_hint_away_and_takes_over(home: Home) -> None:
    first = home.produce(lease_seconds=1.0).await_idle()
    home.produce(lease_seconds=1.0)
    for number in range(1, 7):  # about half of the events are pulled by the one that stands by
        home.gmail.mailbox.add(MAIL)
        home.await_published(number)
    first.stop()
    home.gmail.mailbox.add(MAIL)
    home.await_published(7)
    home.gmail.mailbox.add(MAIL)
    home.await_published(8)
    assert home.gmail.calls("users.watch") == 1


def test_broken_and_strange_events_are_acknowledged_and_harm_nothing(home: Home, logs: CapturedLogs) -> None:
    home.produce().await_idle()
    settled(home)
    before = metric("push_events_total", outcome="broken") or 0.0, metric("push_events_total", outcome="other") or 0.0
    for odd in (None, "", data(), data(emailAddress=5), base64.urlsafe_b64encode(b"\xff").decode()):
        home.gmail.pubsub.publish(TOPIC, odd)
    home.gmail.pubsub.publish(TOPIC, data(emailAddress="stranger@example.org", historyId="7"))
    home.gmail.mailbox.add(MAIL)
    home.await_published(1)
    settled(home)
    after = metric("push_events_total", outcome="broken"), metric("push_events_total", outcome="other")
    assert after == (before[0] + 5, before[1] + 1)
    assert "stranger" not in str(logs.events)


def test_a_stale_push_is_acknowledged_and_the_own_cursor_decides(home: Home) -> None:
    home.gmail.mailbox.add(MAIL)
    home.produce().await_idle()
    settled(home)
    home.gmail.pubsub.publish(TOPIC, data(emailAddress=ADA, historyId=1))
    home.gmail.pubsub.publish(TOPIC, data(emailAddress=ADA, historyId=2**63))
    settled(home)
    home.gmail.mailbox.add(MAIL)
    home.await_published(2)


def test_while_the_subscription_is_away_polling_goes_on_and_it_comes_back(home: Home, logs: CapturedLogs) -> None:
    home.gmail.faults.add(faults.server_error(503), "subscriptions.pull")
    home.produce(imap_poll_interval_seconds=0.2).await_idle()
    home.gmail.mailbox.add(MAIL)
    home.await_published(1)
    wait_until(lambda: metric("push_up", subscription="mail") == 0.0, what="the metric to tell", timeout_s=5)
    home.gmail.faults.clear()
    wait_until(lambda: bool(logs.named("push_loop_recovered")), what="the subscription to be pulled", timeout_s=10)
    settled(home)
    assert [event["code"] for event in logs.named("push_loop_failed")] == ["push_unavailable"]
    assert metric("push_up", subscription="mail") == 1.0


def test_a_watch_that_gmail_refuses_leaves_the_account_to_its_polls(home: Home, logs: CapturedLogs) -> None:
    home.gmail.faults.add(faults.error(may_not_consume), "users.watch")
    home.produce(imap_poll_interval_seconds=0.2).await_idle()
    home.gmail.mailbox.add(MAIL)
    home.await_published(1)
    assert [event["code"] for event in logs.named("gmail_watch_failed")] == ["gmail_refused"]
    assert home.gmail.calls("users.watch") == 1
    assert metric("watch_expires_timestamp_seconds", account=account_tag(ADA)) == 0.0


def test_a_topic_that_is_not_there_leaves_the_account_to_its_polls(home: Home, logs: CapturedLogs) -> None:
    home.produce(imap_poll_interval_seconds=0.2, gmail_pubsub_topic="projects/example/topics/missing").await_idle()
    home.gmail.mailbox.add(MAIL)
    home.await_published(1)
    assert [event["code"] for event in logs.named("gmail_watch_failed")] == ["gmail_request"]


def test_a_restart_does_not_watch_again_and_misses_nothing(home: Home) -> None:
    home.produce().await_idle().stop()
    home.gmail.mailbox.add(MAIL)  # its push waits, or comes to nobody
    home.produce().await_idle()
    home.await_published(1)
    home.gmail.mailbox.add(MAIL)
    home.await_published(2)
    assert home.gmail.calls("users.watch") == 1


def test_a_watch_that_lapsed_while_nobody_read_is_begun_anew(home: Home) -> None:
    home.produce().await_idle().stop()
    home.gmail.pubsub.stop_watch(ADA)
    now = SystemClock().now()
    records = WatchRecords(home.redis.commands, prefix=home.settings.redis_stream_name)
    records.store(ADA, WatchRecord(TOPIC, now - timedelta(days=8), now - timedelta(days=1)))
    home.produce().await_idle()
    home.gmail.mailbox.add(MAIL)
    home.await_published(1)
    record = records.load(ADA)
    assert record is not None
    assert record.expires_at - now > timedelta(days=6)
    assert metric("watch_expires_timestamp_seconds", account=account_tag(ADA)) == record.expires_at.timestamp()


def test_a_watch_for_another_topic_is_stopped_and_ours_begins(home: Home) -> None:
    other = "projects/example/topics/theirs"
    home.gmail.pubsub.subscribe("projects/example/subscriptions/theirs", other)
    home.gmail.pubsub.watch(home.gmail.mailbox, {"topicName": other})
    home.produce().await_idle()
    watch = home.gmail.pubsub.watch_of(ADA)
    assert watch is not None
    assert watch.topic == TOPIC
    assert (home.gmail.calls("users.watch"), home.gmail.calls("users.stop")) == (2, 1)
    home.gmail.mailbox.add(MAIL)
    home.await_published(1)


def test_a_stop_does_not_wait_for_a_pull(home: Home) -> None:
    home.gmail.pubsub.longest_pull_s = 60.0
    running = home.produce().await_idle()
    settled(home)
    began = time.monotonic()
    running.stop()
    assert time.monotonic() - began < 4
