"""The lines of calendars and vCards (RFC 5545 section 3.1, RFC 6350 section 3.2): unfolded, taken apart, decoded.

`NAME;PARAMETER=value:value`, where a line that begins with white space goes on with the one before. Old vCards (2.1)
write values in quoted-printable, with line breaks of its own. One pass, linear in the size of the source: every
quantifier is possessive, and lines and values are bounded.
"""

import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from src.attachments.limits import MB
from src.text import charsets

MAX_LINES = 50_000  # of one file, unfolded: some 5,000 contacts; read in less than half a second
MAX_VALUE_CHARS = MB  # of one line: the text that is kept of an attachment

_FOLD = re.compile(
    rb"(?<!=)(?<!=\r)\r?\n[ \t]"
)  # after = it may be a line break of quoted-printable, which keeps the space
# A group before the name; name; parameters, whose values may be quoted; value.
_PARTS = re.compile(r'(?:[\w-]++\.)?+([\w-]++)((?:;(?:[^":;]|"[^"]*+")*+)*+):(.*+)', re.DOTALL)
_PARAMETER = re.compile(r';([\w-]++)(?:=((?:[^";]|"[^"]*+")*+))?')
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_FIELD = re.compile(r"(?:[^\\;]|\\.)++", re.DOTALL)
_BASE64 = frozenset({"B", "BASE64"})
_QUOTED_PRINTABLE = "QUOTED-PRINTABLE"


class ContentLine(NamedTuple):
    """One line."""

    name: str  # upper case, without a group
    parameters: dict[str, str]  # by their names in upper case, without quotes; of several the last; "" if only a name
    value: str  # escapes are not resolved, quoted-printable is

    @property
    def is_data(self) -> bool:
        """Tell whether the value is a picture, a sound, a key or a file, and no text."""
        return (
            self.parameters.get("ENCODING", "").upper() in _BASE64
            or not _BASE64.isdisjoint(self.parameters)  # vCard 2.1 leaves the word ENCODING out
            or self.value[:5].lower() == "data:"
        )

    @property
    def text(self) -> str:
        """The value with its escapes resolved."""
        return _ESCAPED.sub(_unescaped, self.value) if "\\" in self.value else self.value

    @property
    def fields(self) -> list[str]:
        """The parts of a structured value, such as a name or an address; empty ones are left out."""
        found = (_ESCAPED.sub(_unescaped, each).strip() for each in _FIELD.findall(self.value))
        return [each for each in found if each]


def unfolded(source: bytes) -> bytes:
    """Return the source with its lines whole. Before it is decoded: a fold may lie inside a character."""
    return _FOLD.sub(b"", source)


def lines_of(text: str) -> tuple[list[str], bool]:
    """Return the lines of `text`, and whether there are more than are returned."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n", MAX_LINES)
    return lines[:MAX_LINES], len(lines) > MAX_LINES


def content_lines(lines: Iterable[str]) -> Iterator[ContentLine]:
    """Yield what the lines say, which are unfolded. One that says nothing goes on with the one before."""
    line: _Line | None = None
    for written in filter(None, lines):
        parts = None if line and line.is_open else _PARTS.fullmatch(written)
        if parts is None:
            if line is not None:
                line.go_on(written)
            continue
        if line is not None:
            yield line.whole()
        line = _Line(parts[1].upper(), _parameters(parts[2]), [parts[3]])
    if line is not None:
        yield line.whole()


@dataclass(slots=True)
class _Line:
    """A line of which more may come."""

    name: str
    parameters: dict[str, str]
    pieces: list[str]
    is_quoted: bool = field(init=False)

    def __post_init__(self) -> None:
        encoding = self.parameters.get("ENCODING", "")
        self.is_quoted = encoding.upper() == _QUOTED_PRINTABLE or _QUOTED_PRINTABLE in self.parameters

    @property
    def is_open(self) -> bool:
        """Tell whether it ends in a line break of quoted-printable."""
        return self.is_quoted and self.pieces[-1].endswith("=")

    def go_on(self, written: str) -> None:
        is_fold = written[0] in " \t" and not self.is_quoted
        self.pieces.append(written[1:] if is_fold else f"\n{written}")

    def whole(self) -> ContentLine:
        value = "".join(self.pieces)[:MAX_VALUE_CHARS]
        if self.is_quoted:
            decoded = binascii.a2b_qp(value.encode("utf-8", "replace"))
            value = charsets.decode(decoded, self.parameters.get("CHARSET", "")).text
        return ContentLine(self.name, self.parameters, value)


def _parameters(written: str) -> dict[str, str]:
    return {name.upper(): value.replace('"', "") for name, value in _PARAMETER.findall(written)} if written else {}


def _unescaped(found: re.Match[str]) -> str:
    return "\n" if found[1] in "nN" else found[1]
