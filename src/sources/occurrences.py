"""Occurrences: which time this is that a digest comes by, with memory that does not grow with the file."""

import sqlite3

CACHE_KIB = 8 * 1024  # of SQLite's pages in memory; the rest lies in a private temporary file, deleted when closed


class Occurrences:
    """Counts digests. Used by one thread at a time."""

    def __init__(self) -> None:
        # "" is SQLite's name for a private database on disk that vanishes with its connection.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE seen (digest BLOB PRIMARY KEY, times INTEGER) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def count(self, digest: bytes) -> int:
        """Count `digest` once more and return how often it came, this time included."""
        (times,) = self._database.execute(
            "INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1 RETURNING times", (digest,)
        ).fetchone()
        return int(times)

    def close(self) -> None:
        """Delete all. May be called twice."""
        self._database.close()
