"""Compound files (MS-CFB, also called OLE2): a small file system in a file. Old office files and Outlook's messages
are such.

A reader of our own, since it has to be bounded: a chain of sectors is followed for at most as many steps as the file
has sectors, so that no loop holds it; every entry belongs to the first storage that names it, so that the tree is one;
what is read of a stream is counted on the attachment's budget, so that many streams may not share the same sectors for
free. What a damaged file lacks is missing from what is read; only a file without a header or a root raises.
"""

import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType

from src.attachments.extractor import Content, NotExtractedError

HEADER_BYTES = 512
ENTRY_BYTES = 128
MINI_SECTOR_BYTES = 64
MINI_STREAM_BELOW_BYTES = 4096  # a smaller stream lies in the mini stream (section 2.2: the cutoff has this value)
MAX_ENTRIES = 100_000  # of the directory; 13 MB
FAT_SECTORS_IN_HEADER = 109
SECTOR_SHIFTS = (9, 12)  # sectors of 512 bytes (version 3) or 4,096 (version 4)
_STORAGE, _STREAM, _ROOT = 1, 2, 5  # kinds of entries, section 2.6.1


@dataclass(slots=True)
class Entry:
    """A stream, or a storage with what lies in it."""

    name: str
    kind: int
    start: int  # number of its first sector
    size_bytes: int  # as declared; there may be less
    children: dict[str, "Entry"] = field(default_factory=dict)  # by their names in lower case

    @property
    def is_storage(self) -> bool:
        return self.kind == _STORAGE


class CompoundFile:
    """A compound file, open for reading. Raises NotExtractedError `broken` when there is none."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._file = content.open()
        try:
            self._open()
        except NotExtractedError:
            self._file.close()
            raise

    def __enter__(self) -> "CompoundFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def read(self, entry: Entry, max_bytes: int) -> bytes:
        """Return the first bytes of a stream, counted on the budget."""
        wanted = min(entry.size_bytes, max_bytes)
        pieces, left = [], wanted
        for piece in self._pieces(entry):
            if left <= 0:
                break
            pieces.append(piece)
            left -= len(piece)
        data = b"".join(pieces)[:wanted]
        self._content.budget.inflate(len(data))
        return data

    def _open(self) -> None:
        header = self._file.read(HEADER_BYTES)
        if len(header) < HEADER_BYTES:
            raise NotExtractedError("broken")
        (shift,) = struct.unpack_from("<H", header, 30)
        if shift not in SECTOR_SHIFTS:
            raise NotExtractedError("broken")
        self._sector_bytes = 1 << shift
        directory_start, _, _, mini_start = struct.unpack_from("<4I", header, 48)
        self._fat = self._table(self._fat_sectors(header))
        self.root = self._tree(self._directory(directory_start))
        self._mini_fat = self._table(self._chain(mini_start, self._fat))
        self._mini_stream = list(self._chain(self.root.start, self._fat))

    def _fat_sectors(self, header: bytes) -> list[int]:
        """Return where the FAT lies: named in the header, then in sectors of their own, each naming the next."""
        sectors = -(-self._content.size_bytes // self._sector_bytes)
        a_sector = self._sector_bytes // 4
        needed = -(-sectors // a_sector)
        found = list(struct.unpack_from(f"<{FAT_SECTORS_IN_HEADER}I", header, 76))
        (at,) = struct.unpack_from("<I", header, 68)
        while len(found) < needed and at < sectors:
            *more, at = struct.unpack(f"<{a_sector}I", self._sector(at))
            found += more
        return found[:needed]

    def _directory(self, start: int) -> bytes:
        sectors, room = [], MAX_ENTRIES * ENTRY_BYTES
        for number in self._chain(start, self._fat):
            sectors.append(self._sector(number))
            room -= self._sector_bytes
            if room < 0:
                raise NotExtractedError("too_many_members")
        return b"".join(sectors)

    def _tree(self, directory: bytes) -> Entry:
        """Return the root with all that is below it."""
        if len(directory) < ENTRY_BYTES:
            raise NotExtractedError("broken")
        root, *_, child = _entry(directory, 0)
        if root.kind != _ROOT:
            raise NotExtractedError("broken")
        seen, waiting = {0}, [(child, root)]
        while waiting:
            number, parent = waiting.pop()
            if number in seen or number >= len(directory) // ENTRY_BYTES:
                continue
            seen.add(number)
            entry, left, right, child = _entry(directory, number)
            waiting += [(left, parent), (right, parent), (child, entry)]
            if entry.kind in (_STORAGE, _STREAM):
                parent.children.setdefault(entry.name.lower(), entry)
        return root

    def _pieces(self, entry: Entry) -> Iterator[bytes]:
        if entry.size_bytes >= MINI_STREAM_BELOW_BYTES:
            yield from map(self._sector, self._chain(entry.start, self._fat))
        else:
            yield from map(self._mini_sector, self._chain(entry.start, self._mini_fat))

    def _chain(self, start: int, table: "array[int]") -> Iterator[int]:
        """Yield the numbers of the sectors of a chain; a loop ends when there are no more sectors it could have."""
        for _ in range(len(table)):
            if start >= len(table):  # the end, a free sector, or nonsense
                return
            yield start
            start = table[start]

    def _table(self, sectors: "list[int] | Iterator[int]") -> "array[int]":
        numbers = b"".join(map(self._sector, sectors))
        return array("I", struct.unpack(f"<{len(numbers) // 4}I", numbers))

    def _sector(self, number: int) -> bytes:
        """Return a sector; where the file ends, what is missing is filled up as free."""
        self._file.seek((number + 1) * self._sector_bytes)
        return self._file.read(self._sector_bytes).ljust(self._sector_bytes, b"\xff")

    def _mini_sector(self, number: int) -> bytes:
        within, at = divmod(number * MINI_SECTOR_BYTES, self._sector_bytes)
        if within >= len(self._mini_stream):
            return b""
        self._file.seek((self._mini_stream[within] + 1) * self._sector_bytes + at)
        return self._file.read(MINI_SECTOR_BYTES)


def _entry(directory: bytes, number: int) -> tuple[Entry, int, int, int]:
    """Return an entry of the directory, with the numbers of its neighbours to both sides and of its child."""
    raw = directory[number * ENTRY_BYTES : (number + 1) * ENTRY_BYTES]
    name_bytes, kind, _, left, right, child = struct.unpack_from("<HBBIII", raw, 64)
    start, size_bytes = struct.unpack_from("<II", raw, 116)  # sizes of 4 GB and more are none of ours
    name = raw[: max(0, min(name_bytes, 64) - 2)].decode("utf-16-le", "replace")
    return Entry(name, kind, start, size_bytes), left, right, child
