"""One account's mailbox: the truth that a sync is measured against.

Tests change it as a user at another client would; every change is one record of the history and is told to listeners.
Safe for threads. Mails are immutable: what a reader was given does not change under its hands.
"""

import hashlib
import threading
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random

from tests.fakes.gmail.history import FIRST_ID, Change, Entry, History, Record
from tests.fakes.gmail.labels import Label, Labels

_FIRST_MAIL_ID = 0x18F0_0000_0000_0001  # as tall as today's real ones: 16 hex digits
_FIRST_DATE_MS = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)

Listener = Callable[[Record], None]


@dataclass(frozen=True)
class Mail:
    """One mail as it is now."""

    id: str  # 16 hex digits
    thread_id: str  # the id of the thread's first mail
    raw: bytes
    sha256: str  # of `raw`
    internal_date_ms: int
    labels: frozenset[str]
    history_id: int  # of the last record that touched it

    @property
    def age(self) -> tuple[int, str]:
        """What lists are ordered by."""
        return self.internal_date_ms, self.id


class Mailbox:
    """The mails, labels and history of one account."""

    def __init__(self, account: str, *, seed: int = 0, first_history_id: int = FIRST_ID) -> None:
        self.account = account
        self._lock = threading.RLock()
        self._rng = Random(seed)
        self._mails: dict[str, Mail] = {}
        self._by_age: list[tuple[int, str]] = []  # oldest first
        self._labels = Labels()
        self._history = History(self._rng, first_history_id)
        self._last_mail_id = _FIRST_MAIL_ID
        self._listeners: list[Listener] = []

    # What the user does.

    def add(
        self,
        raw: bytes,
        *,
        labels: Iterable[str] = ("INBOX", "UNREAD"),
        thread_id: str | None = None,
        received_at: datetime | None = None,
    ) -> str:
        """Put a mail in; return its id. Without `received_at` it is a second younger than the one before."""
        with self._lock:
            kept = frozenset(labels)
            self._labels.check(kept)
            self._last_mail_id += self._rng.randint(1, 0xFFFF_FFFF)
            mail_id = f"{self._last_mail_id:016x}"
            mail = Mail(
                id=mail_id,
                thread_id=thread_id or mail_id,
                raw=raw,
                sha256=hashlib.sha256(raw).hexdigest(),
                internal_date_ms=self._date_ms(received_at),
                labels=kept,
                history_id=self._history.next_id(),
            )
            insort(self._by_age, mail.age)
            record = self._keep([mail], [Entry(Change.ADDED, mail.id, mail.thread_id, kept)])
        self._tell(record)
        return mail_id

    def delete(self, *mail_ids: str) -> None:
        """Delete mails for good, past the trash."""
        with self._lock:
            gone = [self._mails.pop(mail_id) for mail_id in mail_ids]
            for mail in gone:
                del self._by_age[bisect_left(self._by_age, mail.age)]
            entries = [Entry(Change.DELETED, mail.id, mail.thread_id, mail.labels) for mail in gone]
            self._history.next_id()
            record = self._keep([], entries)
        self._tell(record)

    def relabel(self, *mail_ids: str, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Change the labels of mails in one act; what changes nothing leaves no trace."""
        adding, removing = frozenset(add), frozenset(remove)
        with self._lock:
            self._labels.check(adding | removing)
            before = [self._mails[mail_id] for mail_id in mail_ids]
            history_id = self._history.next_id()
            after = [replace(mail, labels=mail.labels - removing | adding, history_id=history_id) for mail in before]
            changed = [(old, new) for old, new in zip(before, after, strict=True) if old.labels != new.labels]
            if not changed:
                return
            record = self._keep([new for _, new in changed], list(_label_entries(changed)))
        self._tell(record)

    def trash(self, *mail_ids: str) -> None:
        self.relabel(*mail_ids, add=["TRASH"], remove=["INBOX"])

    def untrash(self, *mail_ids: str) -> None:
        self.relabel(*mail_ids, remove=["TRASH"])

    def save_draft(self, raw: bytes, *, replaces: str | None = None) -> str:
        """Save a draft; an autosave `replaces` the mail of the last one. Return the new mail's id."""
        thread_id = None
        if replaces is not None:
            thread_id = self.truth()[replaces].thread_id
            self.delete(replaces)
        return self.add(raw, labels=["DRAFT"], thread_id=thread_id)

    def create_label(self, name: str) -> str:
        """Make a label; return its id."""
        with self._lock:
            return self._labels.create(name)

    def rename_label(self, label_id: str, name: str) -> None:
        with self._lock:
            self._labels.rename(label_id, name)

    def delete_label(self, label_id: str) -> None:
        """Take a label off all mails, then away."""
        self.relabel(*(mail.id for mail in self.truth().values() if label_id in mail.labels), remove=[label_id])
        with self._lock:
            self._labels.remove(label_id)

    def expire_history(self, before: int | None = None) -> None:
        """Make starts below `before` too old; None: all ids that were told until now."""
        with self._lock:
            self._history.expire(before)

    def on_change(self, listener: Listener) -> None:
        """Call `listener` after each change, in the thread that made it."""
        self._listeners.append(listener)

    # What is true.

    @property
    def history_id(self) -> int:
        with self._lock:
            return self._history.current

    def truth(self) -> Mapping[str, Mail]:
        """Return all mails by id as they are now, spam and trash and drafts included."""
        with self._lock:
            return dict(self._mails)

    def find(self, mail_id: str) -> Mail | None:
        with self._lock:
            return self._mails.get(mail_id)

    def some(self, rng: Random, most: int) -> list[str]:
        """Return the ids of up to `most` mails that `rng` picks."""
        with self._lock:
            return [mail_id for _, mail_id in rng.sample(self._by_age, min(most, len(self._by_age)))]

    def newest_first(self, below: tuple[int, str] | None = None) -> Iterator[Mail]:
        """Yield the mails older than `below`, newest first; those deleted meanwhile are left out."""
        with self._lock:
            end = len(self._by_age) if below is None else bisect_left(self._by_age, below)
            older = self._by_age[:end]
        return (mail for _, mail_id in reversed(older) if (mail := self.find(mail_id)) is not None)

    def labels(self) -> list[Label]:
        with self._lock:
            return self._labels.all()

    def label_ids_named(self, name: str) -> set[str]:
        with self._lock:
            return self._labels.ids_named(name)

    def records_between(self, start: int, end: int) -> list[Record]:
        """Return the history after `start` up to `end`; raise HistoryExpiredError."""
        with self._lock:
            return self._history.between(start, end)

    def _keep(self, mails: list[Mail], entries: list[Entry]) -> Record:
        record = Record(self._history.current, tuple(entries))
        self._mails.update((mail.id, mail) for mail in mails)
        self._history.append(record)
        return record

    def _tell(self, record: Record) -> None:
        for listener in self._listeners:
            listener(record)

    def _date_ms(self, received_at: datetime | None) -> int:
        if received_at is not None:
            return int(received_at.timestamp() * 1000)
        return self._by_age[-1][0] + 1000 if self._by_age else _FIRST_DATE_MS


def _label_entries(changed: list[tuple[Mail, Mail]]) -> Iterator[Entry]:
    for old, new in changed:
        if added := tuple(sorted(new.labels - old.labels)):
            yield Entry(Change.LABELS_ADDED, new.id, new.thread_id, new.labels, added)
        if removed := tuple(sorted(old.labels - new.labels)):
            yield Entry(Change.LABELS_REMOVED, new.id, new.thread_id, new.labels, removed)
