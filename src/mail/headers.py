"""One header block: found, unfolded, and held as text by lower-case name.

Bytes above 127 are kept as Latin-1 until a value is asked for: most values never are. Control characters go while the
block is still bytes, so that no value can hold a line break or a NUL.
"""

import re
from typing import NamedTuple

from src.mail import encoded_words
from src.mail.defects import Defect
from src.mail.limits import Limits
from src.mail.transfer import Raw
from src.text import charsets
from src.text.normalise import one_line

_CONTROLS = bytes([*range(9), 11, 12, *range(14, 32), 127])
_TABS_AND_CR_TO_SPACE = bytes.maketrans(b"\t\r", b"  ")
_FOLD = re.compile(r"\n +")
_FIELD_NAME = re.compile(rb"[!-9;-~]+[ \t]*:")
_MORE_FIELDS = re.compile(
    rb"\n(?:content-[a-z-]+|mime-version|subject|from|to|cc|date|message-id|received|return-path|x-[a-z-]+)[ \t]*:",
    re.I,
)


class Headers:
    """The fields of one header block."""

    __slots__ = ("_is_8bit", "_is_plain", "defects", "fields")

    def __init__(self, fields: dict[str, str], *, is_8bit: bool, has_words: bool, defects: list[Defect]) -> None:
        self.fields = fields  # lower-case name to first value, unfolded, not decoded
        self.defects = defects
        self._is_8bit = is_8bit
        self._is_plain = bool(fields) and not is_8bit and not has_words  # every value can be shown as it is

    def raw(self, name: str) -> str:
        """Return the first value of a field, charset resolved but encoded words left; empty if there is none."""
        value = self.fields.get(name, "")
        return value if not self._is_8bit or value.isascii() else self._resolved(value)

    def text(self, name: str, max_chars: int) -> str:
        """Return the first value of a field as a reader sees it, on one line."""
        value = self.raw(name)
        if "=?" in value:
            value = encoded_words.decode(value)
        return one_line(value, max_chars)

    def kept(self, *, count: int, value_chars: int, total_chars: int) -> dict[str, str]:
        """Return the fields as they are shown and stored: decoded, and bounded in number and length."""
        if self._is_plain and len(self.fields) <= count:
            lengths = [len(value) for value in self.fields.values()]
            if max(lengths) <= value_chars and sum(lengths) + sum(map(len, self.fields)) <= total_chars:
                return dict(self.fields)
        kept: dict[str, str] = {}
        for name, value in self.fields.items():
            if "=?" in value or not value.isascii():
                value = self._shown(value[: value_chars * 4], value_chars)
            elif len(value) > value_chars:
                value = value[:value_chars]
            total_chars -= len(value) + len(name)
            if len(kept) >= count or total_chars < 0:
                break
            kept[name] = value
        return kept

    def _shown(self, value: str, max_chars: int) -> str:
        if self._is_8bit and not value.isascii():
            value = self._resolved(value)
        return one_line(encoded_words.decode(value), max_chars)

    def _resolved(self, value: str) -> str:
        found = charsets.decode(value.encode("latin-1"))
        if found.charset != "utf-8":
            self.defects.append(Defect.RAW_8BIT_HEADER)
        return found.text


class Block(NamedTuple):
    """A header block and where its body begins."""

    headers: Headers
    body_start: int


def read(raw: Raw, start: int, end: int, limits: Limits) -> Block:
    """Read the header block that begins at `start`; it and its body lie in `raw[start:end]`."""
    block_end, body_start = _extent(raw, start, end)
    defects: list[Defect] = []
    if block_end - start > limits.header_block_bytes:
        defects.append(Defect.HEADERS_TOO_LARGE)
        block_end = raw.rfind(b"\n", start, start + limits.header_block_bytes) + 1 or start + limits.header_block_bytes
    data = bytes(raw[start:block_end])
    fields, is_8bit, bad_lines = _fields(data, limits, defects)
    if bad_lines:
        stop = _early_end(data, defects)
        if stop is not None:
            fields, is_8bit, _ = _fields(data[:stop], limits, defects)
            body_start = start + stop
    return Block(Headers(fields, is_8bit=is_8bit, has_words=b"=?" in data, defects=defects), body_start)


def _extent(raw: Raw, start: int, end: int) -> tuple[int, int]:
    """Return where the block ends and where the body begins. No empty line: all of it is header."""
    line_end = raw.find(b"\n", start, end)
    if line_end < 0:
        return end, end
    if line_end == start or (line_end == start + 1 and raw[start] == 13):
        return start, line_end + 1
    if raw[line_end - 1] == 13:
        first, second = b"\n\r\n", b"\n\n"
    else:
        first, second = b"\n\n", b"\n\r\n"
    found = raw.find(first, line_end, end)
    width = len(first)
    other = raw.find(second, line_end, end if found < 0 else found)
    if other >= 0:
        found, width = other, len(second)
    return (end, end) if found < 0 else (found + 1, found + width)


def _fields(data: bytes, limits: Limits, defects: list[Defect]) -> tuple[dict[str, str], bool, bool]:
    """Return the fields of a block, whether it holds 8-bit bytes, and whether it holds lines that are no fields."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    data = data.translate(_TABS_AND_CR_TO_SPACE, _CONTROLS)
    is_8bit = not data.isascii()
    text = data.decode("latin-1")
    if "\n " in text:
        text = _FOLD.sub(" ", text) if "\n  " in text else text.replace("\n ", " ")
    fields: dict[str, str] = {}
    bad_lines = False
    for line in text.split("\n", limits.header_fields)[: limits.header_fields]:
        name, colon, value = line.partition(":")
        if not colon or not name or " " in name or (is_8bit and not name.isascii()):
            name = name.rstrip(" ")
            if not colon or not name or " " in name or (is_8bit and not name.isascii()):
                bad_lines = bad_lines or (line != "" and not line.isspace())
                continue
        name = name.lower()
        if name not in fields:
            fields[name] = value.strip(" ")
    if len(text) > limits.line_chars:
        _cut_long(fields, limits, defects)
    return fields, is_8bit, bad_lines


def _cut_long(fields: dict[str, str], limits: Limits, defects: list[Defect]) -> None:
    for name, value in fields.items():
        if len(value) > limits.line_chars:
            defects.append(Defect.LINE_TOO_LONG)
            fields[name] = value[: limits.line_chars]


def _early_end(data: bytes, defects: list[Defect]) -> int | None:
    """Return where the body begins in a block with a line that is no field; None if the block goes on after it.

    An mbox separator (`From `, `>From `) before the first field is no fault.
    """
    position = 0
    while position < len(data):
        line_end = data.find(b"\n", position) + 1 or len(data)
        is_field = (data[position] in b" \t\r\n" and position > 0) or _FIELD_NAME.match(data, position, line_end)
        is_separator = position == 0 and data.startswith((b"From ", b">From "))
        if not is_field and not is_separator:
            if position and _MORE_FIELDS.search(data, line_end - 1):
                defects.append(Defect.BAD_HEADER_LINE)
                return None
            defects.append(Defect.MISSING_HEADER_END if position else Defect.NO_HEADERS)
            return position
        position = line_end
    return None
