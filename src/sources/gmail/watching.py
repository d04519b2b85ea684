"""Watching: has Gmail tell Pub/Sub of an account's changes, again each day, since it does so for seven days at most.

Only the producer that holds the mailbox's lease reads, and so asks. A watch that cannot be had does not keep the
account from being read: its polls go on, a metric and the log say so, and Gmail is asked again some time later.
"""

from datetime import datetime, timedelta
from typing import Protocol

from src.common.clock import Clock
from src.common.errors import GmailOtherWatchError, IngestError, SourceUnavailableError
from src.common.instruments import GMAIL_WATCH_EXPIRES, PUSH_ERRORS
from src.common.logs import account_tag, get_logger, redact
from src.sync.gmail_values import Watch
from src.sync.watch_records import WatchRecord

log = get_logger(__name__)

RENEW_EVERY = timedelta(days=1)  # as Google advises: six tries may fail before a watch of seven days lapses
LOOK_EVERY = timedelta(hours=1)  # at the record, so that a clock that was set or a record that was deleted is noticed
AGAIN_AFTER = timedelta(minutes=10)  # a failure that may pass, or a watch that is over too soon
BLOCKED_AGAIN_AFTER = timedelta(hours=1)  # a failure that an operator must mend


class WatchCalls(Protocol):
    """What is asked of the wire; `GmailApi` plays it."""

    def watch(self, topic: str) -> Watch: ...

    def stop(self) -> None: ...


class Records(Protocol):
    """Where watches are remembered; `WatchRecords` plays it."""

    def load(self, account: str) -> WatchRecord | None: ...

    def store(self, account: str, record: WatchRecord) -> None: ...


class Watching:
    """The watch of one account. For one thread."""

    def __init__(self, api: WatchCalls, records: Records, *, account: str, topic: str, clock: Clock) -> None:
        self._api = api
        self._records = records
        self._account = account
        self._topic = topic
        self._clock = clock
        self._next_look_at = clock.monotonic()
        self._failed_with = ""  # code of the last try; said once

    def keep(self) -> None:
        """Begin or renew the watch if that is due. Raises SourceUnavailableError only: reading was interrupted."""
        if self._clock.monotonic() < self._next_look_at:
            return
        try:
            record = self._current()
        except SourceUnavailableError:
            raise
        except IngestError as error:
            self._next_look_in(AGAIN_AFTER if error.is_temporary else BLOCKED_AGAIN_AFTER)
            self._failed(error)
            return
        self._next_look_in(max(min(due_at(record) - self._clock.now(), LOOK_EVERY), AGAIN_AFTER))
        self._is_watched(record)

    def _current(self) -> WatchRecord:
        record = self._records.load(self._account)
        self._show(record)
        if record is not None and not is_due(record, self._topic, self._clock.now()):
            return record
        watch = self._watch()
        record = WatchRecord(self._topic, self._clock.now(), watch.expires_at)
        self._records.store(self._account, record)
        return record

    def _watch(self) -> Watch:
        """Ask Gmail. It tells one topic only of an account: if that is another, end it and ask for ours, once."""
        try:
            return self._api.watch(self._topic)
        except GmailOtherWatchError:
            log.warning("gmail_watch_taken_over", account=account_tag(self._account))
        self._api.stop()
        return self._api.watch(self._topic)

    def _next_look_in(self, wait: timedelta) -> None:
        self._next_look_at = self._clock.monotonic() + wait.total_seconds()

    def _show(self, record: WatchRecord | None) -> None:
        expires_at = record.expires_at.timestamp() if record is not None and record.topic == self._topic else 0.0
        GMAIL_WATCH_EXPIRES.labels(account_tag(self._account)).set(expires_at)

    def _is_watched(self, record: WatchRecord) -> None:
        self._show(record)
        if self._failed_with:
            log.info("gmail_watch_begun", account=account_tag(self._account))
        self._failed_with = ""

    def _failed(self, error: IngestError) -> None:
        PUSH_ERRORS.labels("watch", error.code).inc()
        if error.code != self._failed_with:
            log.warning(
                "gmail_watch_failed", account=account_tag(self._account), code=error.code, error=redact(str(error))
            )
        self._failed_with = error.code


def due_at(record: WatchRecord) -> datetime:
    """Return when a watch is to be renewed: after a day, or earlier if it lives for less than two. Pure."""
    return record.begun_at + min(RENEW_EVERY, (record.expires_at - record.begun_at) / 2)


def is_due(record: WatchRecord, topic: str, now: datetime) -> bool:
    """Tell whether Gmail is to be asked: also for another topic, and if a clock was set back. Pure."""
    return record.topic != topic or not record.begun_at <= now < due_at(record)
