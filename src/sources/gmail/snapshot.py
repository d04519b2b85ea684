"""Snapshot: the ids and labels of a whole mailbox, compared with what the database knows.

The list of ids is cheap (500 for five units), and so are the lists by label; together they tell every mail's labels
without fetching one. All of it lies in a private temporary SQLite database, so memory does not grow with the mailbox.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from src.store.protocol import KnownMail
from src.sync.gmail_values import Label

CACHE_KIB = 8 * 1024  # of SQLite's pages in memory; the rest lies in a file that vanishes with its connection
SEPARATOR = "\n"  # between labels in one column; no label id holds one

_SCHEMA = """
CREATE TABLE listed (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE asked (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE labelled (id TEXT, label TEXT, PRIMARY KEY (id, label)) WITHOUT ROWID;
CREATE TABLE known (id TEXT PRIMARY KEY, labels TEXT, is_deleted INTEGER, is_stored INTEGER) WITHOUT ROWID;
CREATE TABLE listed_again (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE told_meanwhile (id TEXT PRIMARY KEY) WITHOUT ROWID;
"""

_TAKE_KNOWN = "INSERT OR REPLACE INTO known VALUES (?, ?, ?, ?)"
_NOT_TOLD = "id NOT IN (SELECT id FROM told_meanwhile)"
_GONE = f"FROM known WHERE NOT is_deleted AND id NOT IN (SELECT id FROM listed) AND {_NOT_TOLD}"  # noqa: S608  # our own text
_MAILS = (
    "SELECT id, (SELECT group_concat(label, char(10)) FROM labelled l WHERE l.id = listed.id), "
    "id IN (SELECT id FROM asked), coalesce(known.labels, ''), coalesce(is_stored, 0), coalesce(is_deleted, 0) "
    "FROM listed LEFT JOIN known USING (id)"
)
_UNKNOWN = "?"  # instead of labels: no label is called so, so they differ


class Drift(StrEnum):
    """How a mail differs."""

    MISSING = "missing"  # at Gmail, and not in the database
    EXTRA = "extra"  # in the database, and gone from Gmail
    LABELS = "labels"  # other labels, or wrongly marked deleted


@dataclass(frozen=True, slots=True)
class Listed:
    """One mail of the snapshot."""

    id: str
    labels: tuple[str, ...]  # sorted
    is_asked: bool  # by the query of `list_asked`
    is_stored: bool  # of what `compare` was given
    is_told_anew: bool  # whatever the database has: IMAP told of it last, or something is on its way


class Snapshot:
    """Fill it by `list_ids` and `list_label`; then ask. Used from one thread."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.executescript(_SCHEMA)
        self._database.execute("BEGIN")
        self._told: set[str] = set()

    def list_ids(self, ids: Iterable[str]) -> None:
        """Take the ids of all mails."""
        self._database.executemany("INSERT OR IGNORE INTO listed VALUES (?)", ((each,) for each in ids))

    def list_asked(self, ids: Iterable[str]) -> None:
        """Take the ids of the mails that a query finds."""
        self._database.executemany("INSERT OR IGNORE INTO asked VALUES (?)", ((each,) for each in ids))

    def list_label(self, label: Label, ids: Iterable[str]) -> None:
        """Take the ids of all mails that have a label."""
        self._told |= {label.id, label.name}  # a name is what IMAP calls it
        self._database.executemany("INSERT OR IGNORE INTO labelled VALUES (?, ?)", ((each, label.id) for each in ids))

    def forget_label(self, label: Label) -> None:
        """Take a label off all mails: it was deleted meanwhile."""
        self._database.execute("DELETE FROM labelled WHERE label = ?", (label.id,))

    def tell_meanwhile(self, ids: Iterable[str]) -> None:
        """Take the ids of mails of which the history told while this was filled: what it says is newer, and stands."""
        self._database.executemany("INSERT OR IGNORE INTO told_meanwhile VALUES (?)", ((each,) for each in ids))

    def compare(self, known: Iterable[KnownMail], under_way: Iterable[str]) -> None:
        """Take what the database knows, and the mails of which it will know something else soon: of these all is said
        again. So it is of mails that IMAP told of last: they have a UID. To be called before anything is asked."""
        rows = (
            (mail.source_id, _UNKNOWN if mail.place.uid else _joined(mail.labels), mail.is_deleted, mail.is_stored)
            for mail in known
        )
        self._database.executemany(_TAKE_KNOWN, rows)
        self._database.executemany(_TAKE_KNOWN, ((each, _UNKNOWN, False, True) for each in under_way))

    def mails(self) -> Iterator[Listed]:
        """Walk all mails that are there."""
        return (mail for mail, _ in self._rows("ORDER BY id"))

    def missing(self) -> Iterator[Listed]:
        """Walk the mails that are not stored, newest ids first."""
        return (mail for mail, _ in self._rows("WHERE known.id IS NULL OR NOT is_stored ORDER BY id DESC"))

    def has_gone(self) -> bool:
        """Tell whether stored mails seem to be gone: a second list, `list_again`, must miss them too."""
        return self._database.execute(f"SELECT 1 {_GONE} LIMIT 1").fetchone() is not None

    def list_again(self, ids: Iterable[str]) -> None:
        """Take the ids of all mails a second time, since mail moves while a list is walked."""
        self._database.executemany("INSERT OR IGNORE INTO listed_again VALUES (?)", ((each,) for each in ids))

    def gone(self) -> Iterator[tuple[str, bool]]:
        """Walk the stored mails that both lists miss, each with whether it is told anew, as in Listed."""
        missed_again = "AND id NOT IN (SELECT id FROM listed_again) ORDER BY id"
        rows = self._database.execute(f"SELECT id, labels {_GONE} {missed_again}")
        return ((message_id, labels == _UNKNOWN) for message_id, labels in rows)

    def other_labels(self) -> Iterator[Listed]:
        """Walk the stored mails whose labels are others now, or that are marked deleted although they are there."""
        return (mail for mail, is_other in self._rows(f"WHERE is_stored AND {_NOT_TOLD} ORDER BY id") if is_other)

    def _rows(self, which: str) -> Iterator[tuple[Listed, bool]]:
        rows = self._database.execute(f"{_MAILS} {which}")  # our own text
        for message_id, told, is_asked, stored, is_stored, is_deleted in rows:
            before = _split(stored)
            labels = _split(told) | {label for label in before - self._told if is_hidden_label(label)}
            yield (
                Listed(message_id, tuple(sorted(labels)), bool(is_asked), bool(is_stored), stored == _UNKNOWN),
                bool(is_deleted) or labels != before,
            )

    def close(self) -> None:
        """Forget all. May be called twice."""
        self._database.close()


def is_hidden_label(label: str) -> bool:
    """Tell whether this may be a label of the system's that Gmail's list of labels does not have: it stays as told.

    A user's label (`Label_12`) that is not in the list was deleted; flags and names are what IMAP told.
    """
    return label.isupper() and not label.startswith(("\\", "$"))


def _joined(labels: Iterable[str]) -> str:
    return SEPARATOR.join(labels)


def _split(labels: str | None) -> set[str]:
    return set(labels.split(SEPARATOR)) if labels else set()
