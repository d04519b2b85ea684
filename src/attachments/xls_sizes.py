"""How many cells the sheets of an XLS have, by what it says itself ([MS-XLS] 2.4.28 BoundSheet8, 2.4.90 Dimensions).

A look at a few records, to know whether the sheets may be laid out in this process. What it says may be a lie.
"""

import struct

from src.attachments.compound_file import CompoundFile
from src.attachments.extractor import Content

MOST_RECORDS = 20_000  # looked at before the first sheet; a book with many styles has some thousands
MOST_BEFORE_SIZE = 200  # records of a sheet; its size comes among the first 30
MAX_STREAM_BYTES = 16 * 1024 * 1024
_SIZE = struct.Struct("<IIHH")  # first and last row, first and last column
_BOUND_SHEET, _DIMENSIONS, _END, _FILE_PASS = 0x0085, 0x0200, 0x000A, 0x002F


def told_cells(content: Content) -> int | None:
    """Return the number of cells, empty ones included; None where it is not told in the usual way."""
    with CompoundFile(content) as file:
        book = file.root.children.get("workbook")
        if book is None or not 0 < book.size_bytes <= MAX_STREAM_BYTES:
            return None
        stream = file.read(book, MAX_STREAM_BYTES)
    try:
        sizes = [_cells_of(stream, offset) for offset in _sheets(stream)]
    except struct.error:  # it ends in the middle
        return None
    return None if None in sizes or not sizes else sum(size or 0 for size in sizes)


def _sheets(stream: bytes) -> list[int]:
    """Return where the sheets begin; none for a book with a password."""
    found: list[int] = []
    at = 0
    for _ in range(MOST_RECORDS):
        number, length = struct.unpack_from("<HH", stream, at)
        if number == _BOUND_SHEET:
            found += struct.unpack_from("<I", stream, at + 4)
        elif number == _END:
            return found
        elif number == _FILE_PASS:
            break
        at += 4 + length
    return []


def _cells_of(stream: bytes, at: int) -> int | None:
    for _ in range(MOST_BEFORE_SIZE):
        number, length = struct.unpack_from("<HH", stream, at)
        if number == _DIMENSIONS:
            row, last_row, column, last_column = _SIZE.unpack_from(stream, at + 4)
            rows: int = max(0, last_row - row)
            columns: int = max(0, last_column - column)
            return rows * columns
        at += 4 + length
    return None
