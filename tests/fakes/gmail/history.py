"""The history of one mailbox: what changed, under ids that grow with gaps, until it expires.

A record is one act of the user and may touch several mails. It tells the labels a mail had right after it.
"""

from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum
from random import Random

# Above 2**53, where a float no longer tells neighbours apart, and soon a digit longer, where text sorts wrongly.
FIRST_ID = 9_999_999_999_999_000
LARGEST_GAP = 40


class Change(StrEnum):
    """What happened to a mail; the value is the key of the list in a history record."""

    ADDED = "messagesAdded"
    DELETED = "messagesDeleted"  # for good; trashing is a change of labels
    LABELS_ADDED = "labelsAdded"
    LABELS_REMOVED = "labelsRemoved"


@dataclass(frozen=True)
class Entry:
    """One mail in one record."""

    change: Change
    mail_id: str
    thread_id: str
    labels: frozenset[str]  # those it has after the record
    changed: tuple[str, ...] = ()  # those that were added or removed


@dataclass(frozen=True)
class Record:
    """One act."""

    id: int
    entries: tuple[Entry, ...]


class HistoryExpiredError(Exception):
    """Raised when the start is older than what is kept, or was never told."""


class History:
    """The records of one mailbox. The mailbox holds the lock."""

    def __init__(self, rng: Random, first_id: int = FIRST_ID) -> None:
        self._rng = rng
        self._records: list[Record] = []
        self._kept_from = first_id  # the oldest start that is still answered
        self.current = first_id

    def next_id(self) -> int:
        """Take the id of the next record."""
        self.current += self._rng.randint(1, LARGEST_GAP)
        return self.current

    def append(self, record: Record) -> None:
        self._records.append(record)

    def expire(self, before: int | None = None) -> None:
        """Forget what came up to `before`: a start below it is too old. None: every id told until now is too old."""
        self._kept_from = self.next_id() if before is None else before
        self._records = [record for record in self._records if record.id > self._kept_from]

    def between(self, start: int, end: int) -> list[Record]:
        """Return the records after `start` up to `end`, oldest first."""
        if not self._kept_from <= start <= self.current:
            raise HistoryExpiredError
        first = bisect_right(self._records, start, key=lambda record: record.id)
        last = bisect_right(self._records, end, key=lambda record: record.id)
        return self._records[first:last]
