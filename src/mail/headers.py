"""One header block: found, unfolded, and held as text by lower-case name.

Bytes above 127 are kept as Latin-1 until a value is asked for: most values never are. Control characters go while the
block is still bytes, so that no value can hold a line break or a NUL.
"""

import re

from src.mail import encoded_words
from src.mail.defects import Defect
from src.mail.limits import Limits
from src.mail.transfer import Raw
from src.text import charsets
from src.text.normalise import one_line

ENCODED_PER_CHAR = 4  # of a value that is cut, so many encoded characters are looked at for each shown one
_CONTROLS = bytes([*range(9), *range(11, 32), 127])  # all but TAB and LF; with them goes the CR of CRLF
_TAB_TO_SPACE = bytes.maketrans(b"\t", b" ")
_BARE_CR = re.compile(rb"\r(?!\n)")
_LINE_END = re.compile(rb"\r?\n")
_EMPTY_LINE = re.compile(rb"\n(?:\r\n|\n)")
_FOLD = re.compile(r"\n +")
_FIELD_NAME = re.compile(rb"[!-9;-~]+[ \t]*:")
_MORE_FIELDS = re.compile(
    rb"\n(?:content-[a-z-]+|mime-version|subject|from|to|cc|date|message-id|received|return-path|x-[a-z-]+)[ \t]*:",
    re.I,
)
# Names as most mails write them: they need neither a look at their characters nor to be made lower case.
_USUAL = (
    "Return-Path Delivered-To Received Received-SPF Authentication-Results DKIM-Signature ARC-Seal "
    "ARC-Message-Signature ARC-Authentication-Results From To Cc Bcc Reply-To Sender Subject Date Message-ID "
    "Message-Id In-Reply-To References MIME-Version Mime-Version Content-Type Content-Transfer-Encoding "
    "Content-Disposition Content-ID Content-Language List-Id List-Unsubscribe List-Unsubscribe-Post Precedence "
    "Auto-Submitted User-Agent X-Mailer X-Spam-Score X-Spam-Status X-Received X-Google-Smtp-Source X-GM-THRID "
    "X-Gmail-Labels"
)
_USUAL_NAMES = {name: name.lower() for name in _USUAL.split()}


class Headers:
    """The fields of one header block."""

    __slots__ = ("_is_8bit", "_is_plain", "_shown", "_size_chars", "defects", "fields")

    def __init__(self, fields: dict[str, str], block: bytes, defects: list[Defect]) -> None:
        self.fields = fields  # lower-case name to first value, unfolded, not decoded
        self.defects = defects
        self._is_8bit = not block.isascii()
        self._is_plain = not self._is_8bit and b"=?" not in block  # every value can be shown as it is
        self._size_chars = len(block)  # all names and values together are no longer
        self._shown: dict[tuple[str, int], str] = {}  # what was decoded, by name and most characters

    def raw(self, name: str) -> str:
        """Return the first value of a field, charset resolved but encoded words left; empty if there is none."""
        value = self.fields.get(name, "")
        return value if not self._is_8bit or value.isascii() else self._resolved(value)

    def text(self, name: str, max_chars: int) -> str:
        """Return the first value of a field as a reader sees it, on one line."""
        value = self.fields.get(name, "")
        return self._decoded(name, value, max_chars) if _is_encoded(value) else one_line(value, max_chars)

    def kept(self, *, count: int, value_chars: int, total_chars: int) -> dict[str, str]:
        """Return the fields as they are shown and stored: decoded, and bounded in number and length."""
        kept = self.fields.copy()
        if self._is_plain:
            if self._size_chars <= min(value_chars, total_chars) and len(kept) <= count:
                return kept
        else:
            for name, value in self.fields.items():
                if _is_encoded(value):
                    kept[name] = self._decoded(name, value, value_chars)
        lengths = [*map(len, kept.values())]
        is_within = max(lengths, default=0) <= value_chars and sum(lengths) + sum(map(len, kept)) <= total_chars
        return kept if is_within and len(kept) <= count else _bounded(kept, count, value_chars, total_chars)

    def _decoded(self, name: str, value: str, max_chars: int) -> str:
        shown = self._shown.get((name, max_chars))
        if shown is None:
            value = value[: max_chars * ENCODED_PER_CHAR]
            if self._is_8bit and not value.isascii():
                value = self._resolved(value)
            shown = self._shown[name, max_chars] = one_line(encoded_words.decode(value), max_chars)
        return shown

    def _resolved(self, value: str) -> str:
        found = charsets.decode(value.encode("latin-1"))
        if found.charset != "utf-8":
            self.defects.append(Defect.RAW_8BIT_HEADER)
        return found.text


def _is_encoded(value: str) -> bool:
    return "=?" in value or not value.isascii()


def _bounded(fields: dict[str, str], count: int, value_chars: int, total_chars: int) -> dict[str, str]:
    """Return the first fields that keep to the bounds, long values cut."""
    kept: dict[str, str] = {}
    for name, value in fields.items():
        value = value[:value_chars]
        total_chars -= len(value) + len(name)
        if len(kept) >= count or total_chars < 0:
            break
        kept[name] = value
    return kept


def extent(raw: Raw, start: int, end: int) -> tuple[int, int]:
    """Return where the header block at `start` ends and where its body begins: before and after the empty line.

    No such line up to `end`: all of it is header.
    """
    if start == 0:
        at_once = _LINE_END.match(raw, 0, end)
        if at_once:
            return 0, at_once.end()
        found = _EMPTY_LINE.search(raw, 0, end)
    else:
        # A part begins after a line end: searched from there, an empty line at its start is found like any other.
        found = _EMPTY_LINE.search(raw, start - 1, end)
    return (found.start() + 1, found.end()) if found else (end, end)


def read(data: bytes, limits: Limits) -> tuple[Headers, int | None]:
    """Return the fields of a block, and where in it the body begins already, if a line that is no field says so."""
    defects: list[Defect] = []
    if len(data) > limits.header_block_bytes:
        defects.append(Defect.HEADERS_TOO_LARGE)
        data = data[: data.rfind(b"\n", 0, limits.header_block_bytes) + 1 or limits.header_block_bytes]
    fields, has_bad_lines = _fields(data, limits, defects)
    stop = _early_end(data, defects) if has_bad_lines else None
    if stop is not None:
        data = data[:stop]
        fields, _ = _fields(data, limits, defects)
    return Headers(fields, data, defects), stop


def _fields(data: bytes, limits: Limits, defects: list[Defect]) -> tuple[dict[str, str], bool]:
    """Return the fields of a block, and whether it holds lines that are no fields."""
    text = _BARE_CR.sub(b" ", data).translate(_TAB_TO_SPACE, _CONTROLS).decode("latin-1")
    if "\n " in text:
        text = _FOLD.sub(" ", text) if "\n  " in text else text.replace("\n ", " ")
    fields: dict[str, str] = {}
    has_bad_lines = False
    for line in text.split("\n", limits.header_fields)[: limits.header_fields]:
        name, colon, value = line.partition(":")
        lower = _USUAL_NAMES.get(name)
        if lower is None or not colon:
            lower = _lower_name(name) if colon else ""
            if not lower:
                has_bad_lines = has_bad_lines or (line != "" and not line.isspace())
                continue
        if lower not in fields:
            fields[lower] = value.strip(" ")
    if len(text) > limits.line_chars:
        _cut_long(fields, limits, defects)
    return fields, has_bad_lines


def _lower_name(name: str) -> str:
    """Return the name of a field in lower case; empty if it cannot be one."""
    name = name.rstrip(" ")
    return name.lower() if " " not in name and name.isascii() else ""


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
