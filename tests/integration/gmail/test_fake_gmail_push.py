"""Watch and pulled notifications at the fake, through Google's own clients."""

import base64
import json
import threading
import time
from typing import Any

import pytest
from googleapiclient.errors import HttpError

from tests.fakes.gmail.fake_gmail import FakeGmail
from tests.fixtures.gmail import GmailClient, MakeClient

TOPIC = "projects/example/topics/mail"
OTHER_TOPIC = "projects/example/topics/other"
SUBSCRIPTION = "projects/example/subscriptions/mail"
MAIL = b"Subject: hello\r\n\r\n"


class Puller:
    """Google's Pub/Sub client at one subscription."""

    def __init__(self, client: GmailClient) -> None:
        self._subscriptions = client.projects().subscriptions()

    def pull(self, most: int = 10, *, at_once: bool = True) -> list[Any]:
        body = {"maxMessages": most, "returnImmediately": at_once}
        answer = self._subscriptions.pull(subscription=SUBSCRIPTION, body=body).execute()
        return list(answer.get("receivedMessages", []))

    def acknowledge(self, received: list[Any]) -> None:
        body = {"ackIds": [message["ackId"] for message in received]}
        self._subscriptions.acknowledge(subscription=SUBSCRIPTION, body=body).execute()

    def give_back(self, received: list[Any]) -> None:
        body = {"ackIds": [message["ackId"] for message in received], "ackDeadlineSeconds": 0}
        self._subscriptions.modifyAckDeadline(subscription=SUBSCRIPTION, body=body).execute()


@pytest.fixture
def puller(gmail: FakeGmail, make_gmail_client: MakeClient) -> Puller:
    gmail.pubsub.subscribe(SUBSCRIPTION, TOPIC)
    return Puller(make_gmail_client(api="pubsub"))


def watch(client: GmailClient, **more: Any) -> Any:
    return client.users().watch(userId="me", body={"topicName": TOPIC, **more}).execute()


def hints(received: list[Any]) -> list[tuple[str, int]]:
    contents = [json.loads(base64.urlsafe_b64decode(event["message"]["data"])) for event in received]
    return [(content["emailAddress"], int(content["historyId"])) for content in contents]


def test_a_watch_fires_at_once_and_with_each_change(
    gmail: FakeGmail, gmail_client: GmailClient, puller: Puller
) -> None:
    gmail.mailbox.add(MAIL)  # before it: no event
    answer = watch(gmail_client)
    assert int(answer["historyId"]) == gmail.mailbox.history_id
    assert int(answer["expiration"]) / 1000 - time.time() == pytest.approx(7 * 24 * 3600, abs=60)
    mail_id = gmail.mailbox.add(MAIL)
    gmail.mailbox.trash(mail_id)
    received = puller.pull()
    assert [account for account, _ in hints(received)] == ["ada@example.org"] * 3
    assert hints(received)[-1][1] == gmail.mailbox.history_id
    kinds = [type(json.loads(base64.urlsafe_b64decode(e["message"]["data"]))["historyId"]) for e in received]
    assert set(kinds) == {int, str}  # both are seen in the wild
    gmail_client.users().stop(userId="me").execute()
    gmail.mailbox.add(MAIL)
    assert gmail.pubsub.waiting(SUBSCRIPTION) == 3


def test_what_is_not_acknowledged_comes_again(gmail: FakeGmail, gmail_client: GmailClient, puller: Puller) -> None:
    gmail.pubsub.ack_deadline_s = 0.1
    watch(gmail_client)
    first = puller.pull()
    assert puller.pull() == []
    puller.give_back(first)
    again = puller.pull()
    assert [event["message"]["messageId"] for event in again] == [event["message"]["messageId"] for event in first]
    puller.acknowledge(first)  # an old delivery's: too late
    time.sleep(0.1)
    puller.acknowledge(puller.pull())
    assert gmail.pubsub.waiting(SUBSCRIPTION) == 0


def test_a_pull_waits_for_the_next_event(gmail: FakeGmail, gmail_client: GmailClient, puller: Puller) -> None:
    watch(gmail_client)
    puller.acknowledge(puller.pull())
    timer = threading.Timer(0.1, gmail.mailbox.add, [MAIL])
    timer.start()
    assert len(puller.pull(at_once=False)) == 1
    timer.join()
    gmail.pubsub.longest_pull_s = 0.05
    puller.acknowledge(puller.pull())
    assert puller.pull(at_once=False) == []


def test_one_topic_at_a_time(gmail: FakeGmail, gmail_client: GmailClient, puller: Puller) -> None:
    gmail.pubsub.subscribe("projects/example/subscriptions/other", OTHER_TOPIC)
    watch(gmail_client)
    watch(gmail_client)  # renewing is allowed
    with pytest.raises(HttpError, match="Only one user push notification client"):
        watch(gmail_client, topicName=OTHER_TOPIC)
    gmail_client.users().stop(userId="me").execute()
    watch(gmail_client, topicName=OTHER_TOPIC)
    with pytest.raises(HttpError) as refused:
        watch(gmail_client, topicName="projects/example/topics/missing")
    assert refused.value.resp.status == 404


def test_labels_decide_what_is_told(gmail: FakeGmail, gmail_client: GmailClient, puller: Puller) -> None:
    watch(gmail_client, labelIds=["SPAM"], labelFilterBehavior="exclude")
    gmail.mailbox.add(MAIL, labels=["SPAM"])
    assert gmail.pubsub.published == 1
    watch(gmail_client, labelIds=["SPAM"], labelFilterBehavior="include")
    gmail.mailbox.add(MAIL)
    gmail.mailbox.add(MAIL, labels=["SPAM"])
    assert gmail.pubsub.published == 3


def test_events_too_close_together_are_dropped(gmail: FakeGmail, gmail_client: GmailClient, puller: Puller) -> None:
    gmail.pubsub.smallest_gap_s = 60
    watch(gmail_client)
    gmail.mailbox.add(MAIL)
    assert (len(puller.pull()), gmail.pubsub.dropped) == (1, 1)


def test_watching_costs_quota_and_pulling_does_not(gmail: FakeGmail, gmail_client: GmailClient, puller: Puller) -> None:
    watch(gmail_client)
    puller.acknowledge(puller.pull())
    assert gmail.quota.units() == 100
    gmail_client.users().stop(userId="me").execute()
    assert gmail.quota.units() == 150
