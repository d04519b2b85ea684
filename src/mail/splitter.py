"""A mail's parts by their offsets: nothing is decoded, nothing copied but header blocks, and nothing recurses.

`walk` is lazy and goes in document order: a part's extent is found only when it is asked for, so that whoever needs
only the first text stops there. Delimiters are found with `find` (3.3 GB/s), one search for each level of nesting; a
multipart that repeats an enclosing boundary is not split, so that near-misses cost no more than the mail's size.
"""

import re
from collections.abc import Iterator

from src.mail import content, transfer
from src.mail import headers as header_block
from src.mail.defects import Defect
from src.mail.headers import Headers
from src.mail.limits import Limits
from src.mail.transfer import Raw

# What may follow a boundary on its line; the group tells the last delimiter.
_TAIL = re.compile(rb"(--)?[ \t]*+\r?(?:\n|\Z)")
_MESSAGE_TYPES = ("message/rfc822", "message/global")
_GUESSED = re.compile(rb"(?:\A|\n)--([^\r\n]{1,200}?)[ \t]*\r?\n")
_GUESS_BYTES = 64 * 1024  # how far into a body a missing boundary is looked for


class Node:
    """One part: where it lies and what its header block says."""

    __slots__ = (
        "boundary",
        "content_type",
        "disposition",
        "disposition_parameters",
        "enclosing",
        "encoding",
        "end",
        "first_part",
        "headers",
        "is_message",
        "parameters",
        "parent",
        "start",
    )

    headers: Headers
    start: int  # of the body
    end: int  # of the body
    parent: "Node | None"
    enclosing: "Node | None"  # the nearest message around it; None if it is one itself
    is_message: bool  # the mail itself, or the content of a message/rfc822 part
    content_type: str  # lower case; "text/plain" when missing or malformed
    parameters: dict[str, str]
    encoding: str  # lower case
    disposition: str  # lower case; empty if none
    disposition_parameters: dict[str, str]
    boundary: bytes  # of a multipart that can be split; else empty
    first_part: int  # where its first part begins

    @property
    def message(self) -> "Node":
        """The message it belongs to: itself, or the nearest around it. (Stored, it would be a cycle, and hold the raw
        mail until the garbage collector comes.)"""
        return self.enclosing or self


def with_line_feeds(raw: Raw, defects: set[Defect]) -> Raw:
    """Return a mail whose lines end in CR alone with LF instead; any other as it is."""
    if not raw:
        defects.add(Defect.EMPTY)
    elif raw.find(b"\n") < 0 and raw.find(b"\r") >= 0:
        defects.add(Defect.BARE_CR)
        return bytes(raw[:]).replace(b"\r", b"\n")
    return raw


def walk(raw: Raw, limits: Limits, defects: set[Defect]) -> Iterator[Node]:
    """Yield the mail itself and then its parts in document order, parents first. Adds what it sees to `defects`."""
    root = _read_node(raw, 0, len(raw), None, True, limits, defects)
    yield root
    count = 1
    levels: list[tuple[Node, Iterator[tuple[int, int]]]] = []
    _open(raw, root, levels, limits, defects)
    while levels:
        parent, spans = levels[-1]
        span = next(spans, None)
        if span is None:
            levels.pop()
            continue
        if count >= limits.parts:
            defects.add(Defect.TOO_MANY_PARTS)
            return
        count += 1
        node = _read_node(raw, *span, parent, not parent.boundary, limits, defects)
        yield node
        if node.boundary or node.content_type in _MESSAGE_TYPES:
            _open(raw, node, levels, limits, defects)


def _open(
    raw: Raw,
    node: Node,
    levels: list[tuple[Node, Iterator[tuple[int, int]]]],
    limits: Limits,
    defects: set[Defect],
) -> None:
    """Go down one level if `node` holds parts or a message."""
    holds_message = node.content_type in _MESSAGE_TYPES and transfer.is_identity(node.encoding)
    if not node.boundary and not holds_message:
        return
    if len(levels) >= limits.depth:
        defects.add(Defect.TOO_DEEP)
        node.boundary = b""
        return
    if node.boundary:
        levels.append((node, _spans(raw, node, defects)))
    elif node.start < node.end:
        levels.append((node, iter(((node.start, node.end),))))


def _read_node(
    raw: Raw, start: int, end: int, parent: Node | None, is_message: bool, limits: Limits, defects: set[Defect]
) -> Node:
    block_end, body_start = header_block.extent(raw, start, end)
    found = content.read(raw[start : min(block_end, start + limits.header_block_bytes + 1)], limits)
    node = Node()
    node.headers, stop, media_type, node.parameters, node.encoding, node.disposition, node.disposition_parameters = (
        found
    )
    node.content_type = media_type or _default_type(parent)
    node.start = node.first_part = body_start if stop is None else start + stop
    node.end = end
    node.parent = parent
    node.is_message = is_message
    node.enclosing = None if is_message or parent is None else parent.message
    node.boundary = b""
    if node.headers.defects:
        defects.update(node.headers.defects)
    if media_type.startswith("multipart/"):
        _find_first_part(raw, node, limits, defects)
    return node


def _default_type(parent: Node | None) -> str:
    """Return what a part without a type is (RFC 2046 section 5.1.5)."""
    return "message/rfc822" if parent is not None and parent.content_type == "multipart/digest" else "text/plain"


def _find_first_part(raw: Raw, node: Node, limits: Limits, defects: set[Defect]) -> None:
    """Set the boundary if it occurs in the body; a multipart whose boundary never occurs is read as text."""
    boundary = node.parameters.get("boundary", "").rstrip().encode("utf-8", "replace")[: limits.boundary_bytes]
    if not boundary:
        defects.add(Defect.MISSING_BOUNDARY)
        found = _GUESSED.search(raw[node.start : min(node.end, node.start + _GUESS_BYTES)])
        boundary = found[1] if found else b""
    if boundary and not _is_used_above(boundary, node.parent):
        delimiter = _next_delimiter(raw, node.start, node.end, b"\n--" + boundary)
        if delimiter and not delimiter[2]:
            node.boundary, node.first_part = boundary, delimiter[1]
            return
    defects.add(Defect.NO_PARTS)
    node.content_type, node.parameters = "text/plain", content.NO_PARAMETERS


def _is_used_above(boundary: bytes, node: Node | None) -> bool:
    while node is not None:
        if node.boundary == boundary:
            return True
        node = node.parent
    return False


def _spans(raw: Raw, node: Node, defects: set[Defect]) -> Iterator[tuple[int, int]]:
    """Yield where each part of a multipart begins (its header block) and ends (its body)."""
    needle = b"\n--" + node.boundary
    start = node.first_part
    while True:
        delimiter = _next_delimiter(raw, start, node.end, needle)
        if delimiter is None:
            defects.add(Defect.MISSING_END_BOUNDARY)
            if start < node.end:
                yield start, node.end
            return
        part_end, next_start, is_last = delimiter
        yield start, max(start, part_end)
        if is_last:
            return
        start = next_start


def _next_delimiter(raw: Raw, start: int, end: int, needle: bytes) -> tuple[int, int, bool] | None:
    """Return where the text before the next delimiter ends, where the next part begins, and whether it is the last.

    `needle` is a line feed, `--` and the boundary; the mail's first line has no line feed before it.
    """
    if start == 0 and raw[: len(needle) - 1] == needle[1:]:
        tail = _TAIL.match(raw, len(needle) - 1, end)
        if tail:
            return 0, tail.end(), tail[1] is not None
    position = raw.find(needle, start - 1 if start else 0, end)
    while position >= 0:
        before = position - 1 if position > 0 and raw[position - 1] == 13 else position
        after = position + len(needle)
        if raw[after : after + 2] == b"\r\n" and after + 2 <= end:
            return before, after + 2, False  # nearly all are so
        tail = _TAIL.match(raw, after, end)
        if tail:
            return before, tail.end(), tail[1] is not None
        position = raw.find(needle, position + 1, end)
    return None
