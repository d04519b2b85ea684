"""Lists of properties as winmail.dat holds them (MS-OXTNEF section 2.1.3.4): each with its kind, some with a name, most
padded to four bytes. Read in one pass, in which every step goes forward; a list that is damaged or cut ends there."""

from src.attachments.outlook_properties import (
    BINARY,
    MAX_RECIPIENTS,
    OBJECT,
    STRING8,
    UNICODE,
    Properties,
    Value,
)

MULTIPLE = 0x1000  # added to a kind: several values follow, of which the first is taken
NAMED_FROM = 0x8000  # properties from here on have a name, and mean something else in each file
_GUID_BYTES = 16
_NULL = 0x01  # has no value
_SIZED = (STRING8, UNICODE, BINARY, OBJECT)
# Bytes of values of a fixed size, MS-OXCDATA section 2.11.1; in a list they are padded.
_SIZES = {
    **dict.fromkeys((0x02, 0x0B), 2),
    **dict.fromkeys((0x03, 0x04, 0x0A), 4),
    **dict.fromkeys((0x05, 0x06, 0x07, 0x14, 0x40), 8),
    0x48: _GUID_BYTES,
}


def properties_from(data: bytes) -> Properties:
    """Return the properties of a list by their numbers; those with names are passed over."""
    return _list(_Cursor(data))


def rows_from(data: bytes) -> list[Properties]:
    """Return the lists of a list of lists, such as the recipients."""
    cursor, rows = _Cursor(data), list[Properties]()
    for _ in range(min(cursor.number(), MAX_RECIPIENTS)):
        if cursor.is_at_end:
            break
        rows.append(_list(cursor))
    return rows


class _Cursor:
    """A place in bytes that only goes forward; past the end there is nothing."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_at_end(self) -> bool:
        return self._at >= len(self._data)

    def number(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def take(self, size: int) -> bytes:
        """Return the next bytes, and pass over what pads them."""
        found = self._data[self._at : self._at + size]
        self._at += size + -size % 4
        return found

    def end(self) -> None:
        self._at = len(self._data)


def _list(cursor: _Cursor) -> Properties:
    found: dict[int, Value] = {}
    for _ in range(cursor.number()):
        if cursor.is_at_end:
            break
        tag = cursor.number()
        kind, number = tag & 0xFFFF, tag >> 16
        if number >= NAMED_FROM:
            _pass_over_name(cursor)
        value = _value(cursor, kind)
        if number < NAMED_FROM:
            found.setdefault(number, Value(kind & ~MULTIPLE, value))
    return found


def _pass_over_name(cursor: _Cursor) -> None:
    cursor.take(_GUID_BYTES)
    is_text = cursor.number()
    spelt = cursor.number()
    if is_text:
        cursor.take(spelt)


def _value(cursor: _Cursor, kind: int) -> bytes:
    """Return a value, the first one of several."""
    single = kind & ~MULTIPLE
    if single == _NULL:
        return b""  # however many: a value without size would be counted for ever
    if single not in _SIZED and single not in _SIZES:
        cursor.end()  # of unknown size: what follows cannot be found
        return b""
    count = cursor.number() if single in _SIZED or kind & MULTIPLE else 1
    first = b""
    for at in range(count):
        if cursor.is_at_end:
            break
        value = cursor.take(cursor.number() if single in _SIZED else _SIZES[single])
        first = value if at == 0 else first
    return first
