"""Values: the words, strings and lists in the text of a response (RFC 9051 section 9). Takes bytes, not sockets."""

import re
from collections.abc import Sequence

from src.imap.response import Oversize, Part, garbage

Value = bytes | Oversize | None | list["Value"]  # None is NIL; a word and a string are both bytes

_TOKEN = re.compile(
    rb"[()]"
    rb'|"[^"\\]*+(?:\\.[^"\\]*+)*+"'
    # An item's name may hold blanks and brackets of its own: BODY[HEADER.FIELDS (MESSAGE-ID)]<0>
    rb"|(?:BODY|BINARY)\[[^\]]{0,1000}\][^\s()]*"
    rb"|[^\s()\"]+"
    rb'|"',  # a string without its end
    re.IGNORECASE | re.DOTALL,
)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_NIL = (b"NIL", b"nil", b"Nil")
_OPEN, _CLOSE, _QUOTE = b'()"'


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
    top = stack[-1]
    for match in _TOKEN.finditer(text):
        token = match[0]
        first = token[0]
        if first == _OPEN:
            inner: list[Value] = []
            top.append(inner)
            stack.append(inner)
            top = inner
        elif first == _CLOSE:
            if len(stack) == 1:
                raise garbage("a closing bracket too many")
            stack.pop()
            top = stack[-1]
        elif first == _QUOTE:
            top.append(_string(token))
        else:
            top.append(None if token in _NIL else token)


def _string(token: bytes) -> bytes:
    if len(token) == 1:
        raise garbage("a string without its end")
    return _ESCAPED.sub(rb"\1", token[1:-1]) if b"\\" in token else token[1:-1]
