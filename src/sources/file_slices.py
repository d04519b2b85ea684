"""FileSlices: a big mail inside a file, read slice by slice when the stream asks, and checked against its hash."""

import hashlib
from collections.abc import Iterator

from src.common.errors import SourceUnavailableError
from src.sources.file_bytes import FileBytes
from src.sources.mbox_quoting import LONG_LINE_BYTES, unquoted


class FileSlices:
    """Plays RawSlices. Holds a descriptor of its own, so that renaming the file or closing the source does no harm."""

    def __init__(self, file: FileBytes, start: int, stop: int, *, is_quoted: bool = False) -> None:
        """Read the part once, to learn its size and SHA-256."""
        self._file = file.duplicate()
        self._start, self._stop, self._is_quoted = start, stop, is_quoted
        digest = hashlib.sha256()
        self.size_bytes = 0
        for part in self._parts():
            digest.update(part)
            self.size_bytes += len(part)
        self.sha256 = digest.digest()

    def __iter__(self) -> Iterator[bytes]:
        """Yield the mail in slices below 1 MiB.

        Raises SourceUnavailableError at the end if these are not the bytes that were hashed.
        """
        digest = hashlib.sha256()
        for part in self._parts():
            digest.update(part)
            yield part
        if digest.digest() != self.sha256:
            raise SourceUnavailableError("the mail file changed while it was read: it is read again")

    def _parts(self) -> Iterator[bytes]:
        blocks = self._file.blocks(self._start, self._stop, LONG_LINE_BYTES)
        return unquoted(blocks) if self._is_quoted else blocks
