"""Response: one answer of the server, cut into text and literals but not yet understood (RFC 9051 section 9).

Reads from anything that gives lines and bytes, and holds one response at a time, within bounds.
"""

import re
from dataclasses import dataclass
from typing import Protocol

from src.common.errors import SourceUnavailableError

MAX_TEXT_BYTES = 16 * 1024 * 1024  # of one response without its literals
MAX_SKIPPED_BYTES = 1024 * 1024 * 1024  # a literal too big to hold is read and thrown away up to here
SMALL_LITERAL_BYTES = 1024 * 1024  # literals of an answer that brings no mail: names, labels, header fields

_UNTAGGED = re.compile(rb"\* (?:(\d{1,10}) )?([A-Za-z][A-Za-z0-9.=_-]*) ?")
_TAGGED = re.compile(rb"([A-Za-z0-9]+) (OK|NO|BAD)(?: |$)", re.IGNORECASE)
_LITERAL = re.compile(rb"~?\{(\d{1,10})\+?\}$")  # `~` marks literal8, RFC 3516
_STATUS_NAMES = frozenset((b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH"))  # their text is free and never ends in a literal


class Source(Protocol):
    """Where responses are read from: a Wire, or bytes in a test."""

    def read_line(self, limit: int = ...) -> bytes: ...
    def read_exactly(self, size: int) -> bytes: ...
    def skip(self, size: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Oversize:
    """Stands for a literal that was too big to hold; its bytes are gone."""

    size_bytes: int


Part = bytes | Oversize


@dataclass(slots=True)
class Untagged:
    """`* 12 FETCH (…` or `* SEARCH …`."""

    number: int  # 0 if none
    name: bytes  # upper case
    parts: list[Part]  # text, literal, text, literal, …, text; the markers `{123}` are cut off

    @property
    def text(self) -> bytes:
        """The text up to the first literal."""
        return self.parts[0]  # type: ignore[return-value]  # parts at even places are always text


@dataclass(slots=True)
class Tagged:
    """The end of a command."""

    tag: bytes
    status: bytes  # OK, NO or BAD
    text: bytes


@dataclass(slots=True)
class Continuation:
    """`+`: the server waits for more."""

    text: bytes


Response = Untagged | Tagged | Continuation


def read_response(source: Source, literal_limit: int = SMALL_LITERAL_BYTES) -> Response:
    """Read one response. Literals that together exceed `literal_limit` are skipped and stand as Oversize.

    Raises SourceUnavailableError for what is not IMAP at all, or is beyond all bounds.
    """
    line = source.read_line(MAX_TEXT_BYTES)
    found = _UNTAGGED.match(line)
    if found:
        name = found[2].upper()
        parts: list[Part] = [line[found.end() :]]
        if line.endswith(b"}") and name not in _STATUS_NAMES:
            _read_literals(source, parts, literal_limit)
        return Untagged(int(found[1] or 0), name, parts)
    if line.startswith(b"+"):
        return Continuation(line[2:])
    found = _TAGGED.match(line)
    if found:
        return Tagged(found[1], found[2].upper(), line[found.end() :])
    raise garbage("a line that is neither an answer nor the end of a command")


def garbage(found: str) -> SourceUnavailableError:
    """Return the error for an answer that cannot be understood: the connection is of no use any more."""
    return SourceUnavailableError(f"the mail server's answer cannot be understood: {found}")


def _read_literals(source: Source, parts: list[Part], literal_limit: int) -> None:
    """Replace the marker at the end of the last text by its literal and the text after it, as often as there is one."""
    text_left, literals_left = MAX_TEXT_BYTES, literal_limit
    while True:
        text = parts[-1]
        assert isinstance(text, bytes)
        marker = _LITERAL.search(text[-16:])
        if not marker:
            return
        parts[-1] = text[: len(text) - (marker.end() - marker.start())]
        size = int(marker[1])
        if size <= literals_left:
            literals_left -= size
            parts.append(source.read_exactly(size))
        elif size <= MAX_SKIPPED_BYTES:
            source.skip(size)
            parts.append(Oversize(size))
        else:
            raise garbage(f"a literal of {size} bytes")
        text_left -= len(text)
        if text_left <= 0:
            raise garbage(f"more than {MAX_TEXT_BYTES} bytes in one answer")
        parts.append(source.read_line(text_left))
