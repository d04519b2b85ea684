"""FileBytes: random access to a big mail file in bounded memory.

Reads with `pread`, not through a memory map: a file that shrinks under a map kills the whole process (SIGBUS), here it
is an error that is tried again. A `.gz` file is unpacked into an unnamed temporary file first, which vanishes with the
process.
"""

import gzip
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from src.common.errors import FileUnreadableError, SourceUnavailableError

BLOCK_BYTES = 1024 * 1024  # read at once while searching: large against a system call, small against memory


class FileBytes:
    """The bytes of one open file. Its size is that at the last `look`; what grows later is not seen before."""

    def __init__(self, fd: int) -> None:
        self._fd = fd  # owned: closed with this object
        self._cache_start = 0
        self._cache = b""
        self.size_bytes = 0
        self.look()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open `path` for reading. Raises FileUnreadableError."""
        try:
            return cls(_unpacked(path) if path.suffix == ".gz" else os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        except (OSError, EOFError, zlib.error) as error:
            raise unreadable(error) from error

    def look(self) -> int:
        """Look at the file's size anew and return it."""
        self.size_bytes = os.fstat(self._fd).st_size
        self._cache, self._cache_start = b"", 0
        return self.size_bytes

    def close(self) -> None:
        """Close the file. May be called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def duplicate(self) -> Self:
        """Return another reader of the same file, for another thread or a longer life; dropping it closes it."""
        return type(self)(os.dup(self._fd))

    def __del__(self) -> None:
        self.close()

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from `start` to `stop`, cut at the file's end.

        Raises SourceUnavailableError if the file has become shorter than it was at the last look.
        """
        stop = min(stop, self.size_bytes)
        if start >= stop:
            return b""
        offset = start - self._cache_start
        if offset >= 0 and stop <= self._cache_start + len(self._cache):
            return self._cache[offset : stop - self._cache_start]
        return self._pread(start, stop)

    def blocks(self, start: int, stop: int, block_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
        """Yield the same bytes in blocks of at most `block_bytes`."""
        for at in range(start, stop, block_bytes):
            yield self.read(at, min(at + block_bytes, stop))

    def find(self, needle: bytes, start: int) -> int:
        """Return where `needle` begins, at or after `start`; -1 if nowhere."""
        while start + len(needle) <= self.size_bytes:
            offset = start - self._cache_start
            if not 0 <= offset <= len(self._cache) - len(needle):
                self._cache = self._pread(start, min(start + BLOCK_BYTES, self.size_bytes))
                self._cache_start, offset = start, 0
            found = self._cache.find(needle, offset)
            if found >= 0:
                return self._cache_start + found
            start = self._cache_start + len(self._cache) - len(needle) + 1
        return -1

    def _pread(self, start: int, stop: int) -> bytes:
        parts: list[bytes] = []
        while start < stop:
            try:
                part = os.pread(self._fd, stop - start, start)
            except OSError as error:
                raise unreadable(error) from error
            if not part:
                raise SourceUnavailableError("the mail file became shorter while it was read: it is read again")
            parts.append(part)
            start += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def unreadable(error: BaseException) -> FileUnreadableError:
    """Return the error for a file that cannot be read; names the fault, not the file (file names may be personal)."""
    reason = (isinstance(error, OSError) and error.strerror) or type(error).__name__
    return FileUnreadableError(f"cannot read the mail file or folder: {reason}: check the path and its permissions")


def clean_name(name: str) -> str:
    """Return a file name that is no UTF-8 in a form that every database takes; others stay as they are."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _unpacked(path: Path) -> int:
    with gzip.open(path) as packed, tempfile.TemporaryFile(prefix="mbox-") as plain:
        shutil.copyfileobj(packed, plain, BLOCK_BYTES)
        plain.flush()
        return os.dup(plain.fileno())
