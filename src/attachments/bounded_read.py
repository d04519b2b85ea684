"""Reading what inflates: every byte is counted on the attachment's budget, and no member is held beyond a bound."""

from typing import BinaryIO, Protocol

from src.attachments.extractor import Budget, Content
from src.attachments.sniff import OCTETS
from src.text import filenames

CHUNK_BYTES = 64 * 1024


class Readable(Protocol):
    """What gives bytes."""

    def read(self, size: int = -1, /) -> bytes: ...


class CountingReader:
    """Plays a file opened for reading, forward only, whose bytes are counted."""

    def __init__(self, file: BinaryIO | Readable, budget: Budget) -> None:
        self._file = file
        self._budget = budget

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes; never more than a chunk where none is asked for."""
        found = self._file.read(size if size >= 0 else CHUNK_BYTES)
        self._budget.inflate(len(found))
        return found


def read_member(reader: Readable, max_bytes: int) -> bytes | None:
    """Return all that `reader` gives; None if it is more than `max_bytes`."""
    pieces: list[bytes] = []
    left = max_bytes
    while piece := reader.read(CHUNK_BYTES):
        pieces.append(piece)
        left -= len(piece)
        if left < 0:
            return None
    return b"".join(pieces)


def member(name: str, data: bytes | None, budget: Budget, *, content_type: str = OCTETS, charset: str = "") -> Content:
    """Return a member as Content; with no data (too large, or not to be opened) its name alone is found."""
    filename = filenames.cleaned(name.rpartition("/")[2])
    return Content(content_type, charset, len(data or b""), data=data, filename=filename, budget=budget)


def text_member(name: str, text: str, budget: Budget) -> Content:
    """Return text that is known already as a member. It begins with an empty line, which is dropped when it is read:
    a subject such as "%PDF-1.7" is not to be taken for a PDF."""
    data = f"\n{text}".encode("utf-8", "replace")
    budget.inflate(len(data))
    return member(name, data, budget, content_type="text/plain", charset="utf-8")
