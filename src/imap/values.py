"""Values: the words, strings and lists in the text of a response (RFC 9051 section 9). Takes bytes, not sockets."""

import re
from collections.abc import Sequence

from src.imap.response import Oversize, Part, garbage

Value = bytes | Oversize | None | list["Value"]  # None is NIL; a word and a string are both bytes

_TOKEN = re.compile(
    rb"\s*(?:"
    rb"(?P<open>\()"
    rb"|(?P<close>\))"
    rb'|"(?P<quoted>[^"\\]*(?:\\.[^"\\]*)*)"'
    # An item's name may hold blanks and brackets of its own: BODY[HEADER.FIELDS (MESSAGE-ID)]<0>
    rb"|(?P<atom>(?:BODY|BINARY)(?:\.PEEK)?\[[^\]]*\](?:<\d+>)?|[^\s()\"]+)"
    rb")",
    re.IGNORECASE | re.DOTALL,
)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


def parse_values(parts: Sequence[Part]) -> list[Value]:
    """Return the values of a response's parts. Iterative: depth of nesting costs no stack.

    Raises SourceUnavailableError for an open string or unbalanced brackets.
    """
    top: list[Value] = []
    stack = [top]
    for place, part in enumerate(parts):
        if place % 2:
            stack[-1].append(part)
        else:
            assert isinstance(part, bytes)
            _parse_text(part, stack)
    if len(stack) != 1:
        raise garbage("a list without its end")
    return top


def _parse_text(text: bytes, stack: list[list[Value]]) -> None:
    at, end = 0, len(text.rstrip())
    match = _TOKEN.match
    while at < end:
        token = match(text, at)
        if token is None:
            raise garbage("a string without its end")
        at = token.end()
        kind = token.lastgroup
        if kind == "atom":
            word = token[4]
            stack[-1].append(None if word in (b"NIL", b"nil") else word)
        elif kind == "quoted":
            string = token[3]
            stack[-1].append(_ESCAPED.sub(rb"\1", string) if b"\\" in string else string)
        elif kind == "open":
            inner: list[Value] = []
            stack[-1].append(inner)
            stack.append(inner)
        elif len(stack) == 1:
            raise garbage("a closing bracket too many")
        else:
            stack.pop()
