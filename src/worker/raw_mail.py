"""The raw mail as one buffer to parse, and its SHA-256, without ever holding a big one in memory.

A mail that travelled in slices is laid down, slice by slice, in a file that has no name (so that no crash leaves it
behind) and is mapped into memory: the kernel may drop its pages at any time.
"""

import hashlib
import mmap
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from src.common.errors import TempSpaceError
from src.model.envelope import RawSlices


def sha256_of(raw: bytes) -> str:
    """Return the hash of a raw mail, in hex."""
    return hashlib.sha256(raw).hexdigest()


@contextmanager
def opened(raw: bytes | RawSlices, temp_dir: str | None) -> Iterator[tuple[bytes | mmap.mmap, str]]:
    """Give the mail as one buffer and its SHA-256 in hex; the buffer is valid inside the `with` only.

    Raises TempSpaceError when a big mail cannot be laid down in `temp_dir` (None: the system's folder).
    """
    if isinstance(raw, bytes):
        yield raw, sha256_of(raw)
        return
    mapped, sha256 = _laid_down(raw, temp_dir)
    try:
        yield mapped, sha256
    finally:
        _close(mapped)


def _laid_down(raw: RawSlices, temp_dir: str | None) -> tuple[bytes | mmap.mmap, str]:
    digest = hashlib.sha256()
    try:
        with tempfile.TemporaryFile(dir=temp_dir) as file:
            for piece in raw:
                digest.update(piece)
                file.write(piece)
            file.flush()
            if not file.tell():
                return b"", digest.hexdigest()
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), digest.hexdigest()
    except OSError as error:
        raise TempSpaceError(f"a mail of {raw.size_bytes} bytes could not be laid down: {error.strerror}") from error


def _close(mapped: bytes | mmap.mmap) -> None:
    if isinstance(mapped, mmap.mmap):
        try:
            mapped.close()
        except BufferError:
            pass  # an error's traceback still refers to a part of it; it is unmapped together with that
