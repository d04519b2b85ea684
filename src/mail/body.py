"""Which parts are the body, and their text.

A part is body if it is text/plain or text/html, not marked as an attachment, and has no file name. Of a
multipart/alternative the plain text is taken, or the HTML where there is no plain text or it is blank; all other body
parts follow one another in their order. Everything else that is no container is an attachment.
"""

from collections.abc import Iterable, Sequence

from src.mail.defects import Defect
from src.mail.limits import Limits
from src.mail.part_text import BYTES_PER_CHAR, first_chars, part_text, source_of
from src.mail.splitter import Node
from src.mail.transfer import Raw
from src.text.normalise import cut


def is_body(node: Node) -> bool:
    """Tell whether a leaf belongs to the body of its message."""
    if node.content_type not in ("text/plain", "text/html") or node.disposition == "attachment":
        return False
    return not node.disposition_parameters.get("filename") and not node.parameters.get("name")


def html_preview(raw: Raw, nodes: Iterable[Node], limits: Limits) -> str:
    """Return the first characters of the HTML source of the first HTML part; empty if there is none."""
    for node in nodes:
        if node.content_type == "text/html":
            chars = limits.html_preview_chars
            return first_chars(raw, node, chars, chars * BYTES_PER_CHAR, source_of)
    return ""


def text_of(raw: Raw, nodes: Sequence[Node], limits: Limits, defects: set[Defect]) -> str:
    """Return the text of body parts, normalised and cut at the limit."""
    texts: list[str] = []
    room = limits.body_chars
    for group in _groups(nodes) if len(nodes) > 1 else [nodes]:
        text = _text_of_group(raw, group, room, limits, defects)
        if text:
            texts.append(text)
            room -= len(text)
        if room <= 0:
            break
    whole, was_cut = cut("\n\n".join(texts), limits.body_chars)
    if was_cut:
        defects.add(Defect.BODY_TRUNCATED)
    return whole


def _text_of_group(raw: Raw, group: Sequence[Node], room: int, limits: Limits, defects: set[Defect]) -> str:
    """Return the text of alternatives: the plain ones, or the HTML ones if those are missing or blank."""
    for content_type, max_bytes in (("text/plain", room * BYTES_PER_CHAR), ("text/html", limits.html_bytes)):
        chosen = [node for node in group if node.content_type == content_type]
        texts = [text for node in chosen if (text := part_text(raw, node, max_bytes, defects))]
        if texts:
            return "\n\n".join(texts)
    return ""


def _groups(nodes: Iterable[Node]) -> list[list[Node]]:
    """Group body parts that are alternatives of each other; any other part is a group of its own."""
    groups: dict[int, list[Node]] = {}
    for node in nodes:
        groups.setdefault(id(_outermost_alternative(node)), []).append(node)
    return list(groups.values())


def _outermost_alternative(node: Node) -> Node:
    found = node
    above = node.parent
    while above is not None and not node.is_message:
        if above.content_type == "multipart/alternative":
            found = above
        if above.is_message:
            break
        above = above.parent
    return found
