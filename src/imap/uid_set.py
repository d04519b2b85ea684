"""UidSet: sorted, disjoint ranges of UIDs, as IMAP writes them (`1:5,9`). Small even for a million mails.

A server may name `1:4294967295` in one short line: nothing here expands a set unless someone iterates it.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_UID = 2**32 - 1  # RFC 9051 section 9, nz-number
MAX_RANGES = 2_000_000  # of one set; each takes about 150 bytes, and no mailbox seen is so torn
MAX_SET_BYTES = 4000  # of the UIDs in one command; RFC 7162 section 4 asks servers to take lines of 8192 bytes

Range = tuple[int, int]  # first and last UID, both inside


@dataclass(frozen=True, slots=True)
class UidSet:
    """An immutable set of UIDs, in ascending order."""

    ranges: tuple[Range, ...] = ()  # ascending, with a gap of at least one UID between any two

    @classmethod
    def of(cls, uids: Iterable[int]) -> "UidSet":
        """Build a set of single UIDs in any order."""
        return cls.of_ranges((uid, uid) for uid in uids)

    @classmethod
    def of_ranges(cls, ranges: Iterable[Range]) -> "UidSet":
        """Build a set of ranges in any order, overlapping or not. Raises ValueError for a UID outside 1…MAX_UID."""
        merged: list[Range] = []
        out_of_order: list[Range] = []  # mostly empty: servers tell UIDs in order, and a million need no sorting then
        for first, last in ranges:
            if not 1 <= first <= last <= MAX_UID:
                raise ValueError(f"not a range of UIDs: {first}:{last}")
            if merged and first < merged[-1][0]:
                out_of_order.append((first, last))
            elif merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], last))
            else:
                merged.append((first, last))
            if len(merged) + len(out_of_order) > MAX_RANGES:
                raise ValueError(f"more than {MAX_RANGES} ranges of UIDs")
        return cls.of_ranges(sorted(merged + out_of_order)) if out_of_order else cls(tuple(merged))

    @classmethod
    def parse(cls, text: bytes) -> "UidSet":
        """Read `1:5,9`; the ends of a range may come in either order. Raises ValueError for anything else, also `*`."""
        return cls.of_ranges(_ranges(text)) if text else EMPTY

    def encode(self) -> bytes:
        """Write the set as IMAP does; empty for an empty set, which no command may be given."""
        return b",".join(b"%d" % a if a == b else b"%d:%d" % (a, b) for a, b in self.ranges)

    def within(self, first: int, last: int = MAX_UID) -> "UidSet":
        """Return the UIDs from `first` to `last`."""
        return self & UidSet(((first, last),)) if first <= last else EMPTY

    def split(self, max_bytes: int = MAX_SET_BYTES) -> Iterator["UidSet"]:
        """Yield the set in pieces, in order, none of which takes more than `max_bytes` in a command."""
        piece: list[Range] = []
        room = max_bytes
        for each in self.ranges:
            size = len(UidSet((each,)).encode()) + 1
            if piece and size > room:
                yield UidSet(tuple(piece))
                piece, room = [], max_bytes
            piece.append(each)
            room -= size
        if piece:
            yield UidSet(tuple(piece))

    @property
    def first(self) -> int:
        """The least UID; 0 for an empty set."""
        return self.ranges[0][0] if self.ranges else 0

    @property
    def last(self) -> int:
        """The greatest UID; 0 for an empty set."""
        return self.ranges[-1][1] if self.ranges else 0

    def __contains__(self, uid: int) -> bool:
        at = bisect_right(self.ranges, (uid, MAX_UID)) - 1
        return at >= 0 and self.ranges[at][0] <= uid <= self.ranges[at][1]

    def __iter__(self) -> Iterator[int]:
        for first, last in self.ranges:
            yield from range(first, last + 1)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __or__(self, other: "UidSet") -> "UidSet":
        return UidSet.of_ranges([*self.ranges, *other.ranges])

    def __and__(self, other: "UidSet") -> "UidSet":
        return UidSet(tuple(_common(self.ranges, other.ranges)))

    def __sub__(self, other: "UidSet") -> "UidSet":
        return UidSet(tuple(_common(self.ranges, _gaps(other.ranges))))


EMPTY = UidSet()


def _ranges(text: bytes) -> Iterator[Range]:
    for item in text.split(b","):
        head, colon, tail = item.partition(b":")
        ends = (_uid(head), _uid(tail) if colon else _uid(head))
        yield min(ends), max(ends)


def _uid(text: bytes) -> int:
    if not (text.isdigit() and len(text) <= 10):
        raise ValueError("not a set of UIDs")
    return int(text)


def _gaps(ranges: tuple[Range, ...]) -> Iterator[Range]:
    free_from = 1
    for first, last in ranges:
        if free_from < first:
            yield free_from, first - 1
        free_from = last + 1
    if free_from <= MAX_UID:
        yield free_from, MAX_UID


def _common(ours: Iterable[Range], theirs: Iterable[Range]) -> Iterator[Range]:
    left, right = iter(ours), iter(theirs)
    a, b = next(left, None), next(right, None)
    while a and b:
        first, last = max(a[0], b[0]), min(a[1], b[1])
        if first <= last:
            yield first, last
        if a[1] < b[1]:
            a = next(left, None)
        else:
            b = next(right, None)
