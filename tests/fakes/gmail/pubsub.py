"""Notifications: Gmail's watches, and the pulled subscriptions of Cloud Pub/Sub that they end in.

As in reality a watch fires once at once, lives seven days, allows one topic at a time, and may drop events that come
too close together. What is pulled and not acknowledged comes again.
"""

import base64
import json
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from tests.fakes.gmail.errors import ApiError, not_found, only_one_push_client
from tests.fakes.gmail.history import Record
from tests.fakes.gmail.mailbox import Mailbox

WATCH_LIVES_S = 7 * 24 * 3600


@dataclass(frozen=True)
class Watch:
    """One account's watch."""

    topic: str
    labels: frozenset[str]  # empty: all
    excludes: bool  # whether `labels` are those to leave out
    ends_at_ms: int

    def wants(self, record: Record) -> bool:
        if not self.labels:
            return True
        touched = {label for entry in record.entries for label in (*entry.labels, *entry.changed)}
        return touched.isdisjoint(self.labels) if self.excludes else not touched.isdisjoint(self.labels)


@dataclass
class _Event:
    id: str
    data: str | None  # base64url
    published_at: str
    due_at: float = 0.0  # by time.monotonic, when it may be delivered
    ack_id: str = ""  # of its last delivery


@dataclass
class Subscription:
    """One pulled subscription."""

    topic: str
    events: list[_Event] = field(default_factory=list)  # not yet acknowledged


class PubSub:
    """Watches, topics and subscriptions of all accounts."""

    def __init__(self) -> None:
        self.ack_deadline_s = 10.0  # then an event that was not acknowledged is due again
        self.longest_pull_s = 2.0  # how long a pull waits for an event; Google's waits longer
        self.smallest_gap_s = 0.0  # between two events of an account; the second one is dropped. Google's: 1
        self.without_role: set[str] = set()  # service accounts that lack the role Pub/Sub Subscriber
        self.published = 0
        self.dropped = 0
        self._watches: dict[str, Watch] = {}
        self._subscriptions: dict[str, Subscription] = {}
        self._last_event_at: dict[str, float] = {}
        self._numbers = count(1)
        self._changed = threading.Condition()
        self._is_stopping = False

    def subscribe(self, subscription: str, topic: str) -> None:
        """Make `projects/P/subscriptions/S`, which gets the events of `projects/P/topics/T` from now on."""
        self._subscriptions[subscription] = Subscription(topic)

    def has_role(self, account: str, subscription: str) -> bool:
        """Tell whether an account may pull a subscription that exists."""
        return subscription in self._subscriptions and account not in self.without_role

    def watch(self, mailbox: Mailbox, request: Any) -> dict[str, str]:
        """Begin, or renew, an account's watch."""
        topic = request.get("topicName", "")
        if not any(subscription.topic == topic for subscription in self._subscriptions.values()):
            raise ApiError(404, "notFound", f"Resource not found (resource={topic.rpartition('/')[2]}).")
        with self._changed:
            current = self._watches.get(mailbox.account)
            if current is not None and current.topic != topic:
                raise only_one_push_client()
            behavior = request.get("labelFilterBehavior") or request.get("labelFilterAction") or "include"
            ends_at_ms = int((time.time() + WATCH_LIVES_S) * 1000)
            labels = frozenset(request.get("labelIds", []))
            self._watches[mailbox.account] = Watch(topic, labels, behavior == "exclude", ends_at_ms)
        self._publish(mailbox, topic)
        return {"historyId": str(mailbox.history_id), "expiration": str(ends_at_ms)}

    def stop_watch(self, account: str) -> None:
        with self._changed:
            self._watches.pop(account, None)

    def watch_of(self, account: str) -> Watch | None:
        """Return an account's watch; to let one lapse without the client's knowledge, use `stop_watch`."""
        return self._watches.get(account)

    def note(self, mailbox: Mailbox, record: Record) -> None:
        """Hear of a change in a mailbox."""
        watch = self._watches.get(mailbox.account)
        if watch is not None and time.time() * 1000 < watch.ends_at_ms and watch.wants(record):
            self._publish(mailbox, watch.topic)

    def pull(self, subscription: str, most: int, *, at_once: bool) -> list[dict[str, Any]]:
        """Deliver up to `most` due events; wait for the first one unless `at_once`."""
        found = self._find(subscription)
        deadline = time.monotonic() + (0 if at_once else self.longest_pull_s)
        with self._changed:
            while not (due := _due(found)) and not self._is_stopping and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(min([left, *(event.due_at - time.monotonic() for event in found.events)]))
            return [self._deliver(event) for event in due[:most]]

    def acknowledge(self, subscription: str, ack_ids: list[str]) -> None:
        """Forget these deliveries; unknown ids are taken without a word."""
        found = self._find(subscription)
        with self._changed:
            found.events = [event for event in found.events if not event.ack_id or event.ack_id not in ack_ids]

    def modify_deadline(self, subscription: str, ack_ids: list[str], deadline_s: int) -> None:
        """Let these deliveries be due again in `deadline_s` seconds; 0 gives them back."""
        found = self._find(subscription)
        with self._changed:
            for event in found.events:
                if event.ack_id in ack_ids:
                    event.due_at = time.monotonic() + deadline_s
            self._changed.notify_all()

    def waiting(self, subscription: str) -> int:
        """Return how many events are not acknowledged."""
        return len(self._find(subscription).events)

    def publish(self, topic: str, data: str | None) -> None:
        """Publish what Gmail never would: `data` goes into the message as it is, None leaves it out."""
        with self._changed:
            for subscription in self._subscriptions.values():
                if subscription.topic == topic:
                    subscription.events.append(_Event(str(next(self._numbers)), data, "2026-01-01T00:00:00Z"))
            self._changed.notify_all()

    def stop(self) -> None:
        """Let waiting pulls return."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()

    def _find(self, subscription: str) -> Subscription:
        if subscription not in self._subscriptions:
            raise not_found()
        return self._subscriptions[subscription]

    def _publish(self, mailbox: Mailbox, topic: str) -> None:
        with self._changed:
            now = time.monotonic()
            if now - self._last_event_at.get(mailbox.account, -float("inf")) < self.smallest_gap_s:
                self.dropped += 1
                return
            self._last_event_at[mailbox.account] = now
            number = next(self._numbers)
            self.published += 1
            for subscription in self._subscriptions.values():
                if subscription.topic == topic:
                    subscription.events.append(_event(number, mailbox))
            self._changed.notify_all()

    def _deliver(self, event: _Event) -> dict[str, Any]:
        event.due_at = time.monotonic() + self.ack_deadline_s
        event.ack_id = f"ack-{event.id}-{next(self._numbers)}"
        message = {"messageId": event.id, "publishTime": event.published_at}
        if event.data is not None:
            message["data"] = event.data
        return {"ackId": event.ack_id, "message": message}


def _event(number: int, mailbox: Mailbox) -> _Event:
    """Make the event; the history id is a number in one and a text in the next, for both are seen."""
    history_id: int | str = mailbox.history_id if number % 2 else str(mailbox.history_id)
    content = json.dumps({"emailAddress": mailbox.account, "historyId": history_id}).encode()
    published_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return _Event(str(number), base64.urlsafe_b64encode(content).decode(), published_at)


def _due(subscription: Subscription) -> list[_Event]:
    now = time.monotonic()
    return [event for event in subscription.events if event.due_at <= now]
