"""MaildirPass: one comparison of a folder with what the database knows of it, walked in the order of the names.

Both lists lie in a private temporary SQLite database, so memory does not grow with the folder. Listing a folder is not
a snapshot: a mail whose flags change meanwhile may be missed, so a mail counts as deleted only if a second listing
misses it too.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from src.sources.maildir_folders import MailFile
from src.store.protocol import KnownMail

CACHE_KIB = 8 * 1024  # of SQLite's pages in memory
SEPARATOR = "\n"  # between labels in one column; no label holds a line break

_SCHEMA = """
CREATE TABLE listed (name TEXT PRIMARY KEY, place BLOB, labels TEXT) WITHOUT ROWID;
CREATE TABLE known (name TEXT PRIMARY KEY, labels TEXT, is_deleted INTEGER, is_stored INTEGER, version INTEGER)
  WITHOUT ROWID;
CREATE TABLE listed_again (name TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_TODO = """
CREATE TABLE todo AS
SELECT name, CASE
    WHEN :force THEN 'again'
    WHEN known.name IS NULL THEN 'new'
    WHEN NOT known.is_stored THEN 'again'
    ELSE 'changed'
  END AS task
FROM listed LEFT JOIN known USING (name)
WHERE known.name IS NULL OR NOT known.is_stored OR known.is_deleted OR known.labels != listed.labels OR :force
UNION ALL
SELECT name, 'gone' FROM known LEFT JOIN listed USING (name)
WHERE :deletes AND listed.name IS NULL AND NOT known.is_deleted;
CREATE UNIQUE INDEX todo_name ON todo (name);
"""


class Task(StrEnum):
    """What is to be said of a mail."""

    NEW = "new"  # bring it, unless it is on its way; even if it was published lately: the database does not know it
    AGAIN = "again"  # bring it: the database lacks its content, or an operator asked for all
    CHANGED = "changed"  # its labels are others now, or it lives again
    GONE = "gone"  # it is deleted


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to be said."""

    name: str  # unique name of the mail
    task: Task
    place: str  # file below the folder; empty for GONE
    labels: tuple[str, ...]
    known_version: int  # of the mail in the database; 0 if it is not known


class MaildirPass:
    """What is to be said of a folder's mails. Used from one thread."""

    def __init__(
        self,
        listed: Iterable[tuple[MailFile, tuple[str, ...]]],
        known: Iterable[tuple[str, KnownMail]],
        *,
        force: bool,
        deletes: bool,
    ) -> None:
        """`known` comes with unique names; `force` brings every mail again; without `deletes` none counts as gone."""
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.executescript(_SCHEMA)
        self._database.execute("BEGIN")
        self._database.executemany(
            "INSERT OR REPLACE INTO known VALUES (?, ?, ?, ?, ?)",
            ((name, _joined(mail.labels), mail.is_deleted, mail.is_stored, mail.version) for name, mail in known),
        )
        self._list(listed)
        for statement in _TODO.split(";")[:2]:
            names = {"force": force, "deletes": deletes}
            self._database.execute(statement, names if ":force" in statement else {})

    def has_deletions(self) -> bool:
        """Tell whether any mail seems to be gone."""
        return self._database.execute("SELECT 1 FROM todo WHERE task = 'gone' LIMIT 1").fetchone() is not None

    def confirm_deletions(self, listed_again: Iterable[MailFile]) -> None:
        """Keep as gone only what a second listing misses too."""
        self._database.executemany(
            "INSERT OR IGNORE INTO listed_again VALUES (?)", ((file.unique,) for file in listed_again)
        )
        self._database.execute("DELETE FROM todo WHERE task = 'gone' AND name IN (SELECT name FROM listed_again)")

    def steps(self, after: str, limit: int) -> list[Step]:
        """Return the next steps behind the name `after`, in the order of the names."""
        rows = self._database.execute(
            "SELECT name, task, place, listed.labels, coalesce(version, 0) FROM todo LEFT JOIN listed USING (name) "
            "LEFT JOIN known USING (name) WHERE name > ? ORDER BY name LIMIT ?",
            (after, limit),
        )
        return [
            Step(name, Task(task), os.fsdecode(place or b""), _split(labels), version)
            for name, task, place, labels, version in rows
        ]

    def count_after(self, after: str) -> int:
        """Return how many steps lie behind the name `after`."""
        return int(self._database.execute("SELECT count(*) FROM todo WHERE name > ?", (after,)).fetchone()[0])

    def list_again(self, listed: Iterable[tuple[MailFile, tuple[str, ...]]]) -> None:
        """Take the present places and labels of the mails; for those that were renamed."""
        self._list(listed)

    def place_of(self, name: str) -> tuple[str, tuple[str, ...]]:
        """Return where a listed mail lies, and its labels."""
        place, labels = self._database.execute("SELECT place, labels FROM listed WHERE name = ?", (name,)).fetchone()
        return os.fsdecode(place), _split(labels)

    def close(self) -> None:
        """Forget all. May be called twice."""
        self._database.close()

    def _list(self, listed: Iterable[tuple[MailFile, tuple[str, ...]]]) -> None:
        self._database.executemany(
            "INSERT OR REPLACE INTO listed VALUES (?, ?, ?)",
            ((file.unique, os.fsencode(file.place), _joined(labels)) for file, labels in listed),
        )


def _joined(labels: Sequence[str]) -> str:
    return SEPARATOR.join(sorted(labels))


def _split(labels: str | None) -> tuple[str, ...]:
    return tuple(labels.split(SEPARATOR)) if labels else ()


def with_names(known: Iterable[KnownMail], folder: str) -> Iterator[tuple[str, KnownMail]]:
    """Yield those of the known mails that a Maildir folder brought, with their unique names.

    Mails of the same mailbox that came another way (IMAP: they have a UIDVALIDITY; an mbox: ids of content) stay out.
    """
    prefix = f"{folder}/"
    for mail in known:
        if mail.place.uidvalidity == 0 and mail.source_id.startswith(prefix):
            yield mail.source_id[len(prefix) :], mail
