"""Which parts are the body, and their text.

A part is body if it is text/plain or text/html, not marked as an attachment, and has no file name. Of a
multipart/alternative the plain text is taken, or the HTML where there is no plain text or it is blank; all other body
parts follow one another in their order. Everything else that is no container is an attachment.
"""

from collections.abc import Callable, Iterable

from src.mail import flowed, transfer
from src.mail.defects import Defect
from src.mail.limits import Limits
from src.mail.splitter import Node
from src.mail.transfer import Raw
from src.text import charsets
from src.text.html_text import html_to_text
from src.text.normalise import clean, cut

BYTES_PER_CHAR = 4  # most bytes that one character takes in any allowed charset
ENCODED_PER_BYTE = 3  # most encoded bytes for one byte (quoted-printable)

_SAMPLE_BYTES = 400  # of a part's beginning: enough to see what script it is in

_WIDE_CHARSETS = ("utf-16", "utf16", "utf-32", "ucs", "unicode", "iso-10646")  # CR and LF are no bytes of their own
_CHARSET_DEFECTS = {"unknown_charset": Defect.UNKNOWN_CHARSET, "undecodable": Defect.BAD_CHARSET}


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
            return first_chars(raw, node, chars, chars * BYTES_PER_CHAR, _clean_source)
    return ""


def _clean_source(raw: Raw, node: Node, max_bytes: int, defects: set[Defect], encoded_per_byte: int) -> str:
    return clean(source_text(raw, node, max_bytes, defects, encoded_per_byte)).strip()


def first_chars(
    raw: Raw, node: Node, chars: int, max_bytes: int, read: Callable[[Raw, Node, int, set[Defect], int], str]
) -> str:
    """Return the first characters of what `read` makes of a part, of which at most `max_bytes` decoded ones are read.

    As many bytes are read as so many characters should need. Where that does not give enough, or leaves the charset in
    doubt, `max_bytes` are.
    """
    defects: set[Defect] = set()
    look_bytes = min(chars * _encoded_per_char(raw, node), max_bytes)
    text = read(raw, node, look_bytes, defects, 1)
    if defects or (len(text) < chars and node.start + look_bytes < node.end):
        text = read(raw, node, max_bytes, defects, ENCODED_PER_BYTE)
    return text[:chars]


def _encoded_per_char(raw: Raw, node: Node) -> int:
    """Guess from a part's beginning how many of its bytes make a character of its text, markup and line ends included.

    Cyrillic and Greek are two bytes a character in UTF-8, so six in quoted-printable, and three in base64.
    """
    if node.encoding == "base64":
        return 4
    sample = raw[node.start : min(node.start + _SAMPLE_BYTES, node.end)]
    if node.encoding == "quoted-printable":
        return 6 if sample.count(b"=") * 8 > len(sample) else 2
    return 2 if sample.isascii() else 3


def text_of(raw: Raw, nodes: Iterable[Node], limits: Limits, defects: set[Defect]) -> str:
    """Return the text of body parts, normalised and cut at the limit."""
    texts: list[str] = []
    room = limits.body_chars
    for group in _groups(nodes):
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


def _text_of_group(raw: Raw, group: list[Node], room: int, limits: Limits, defects: set[Defect]) -> str:
    """Return the text of alternatives: the plain ones, or the HTML ones if those are missing or blank."""
    if len(group) == 1:
        return _text_within(raw, group[0], room, limits, defects)
    for content_type in ("text/plain", "text/html"):
        chosen = [node for node in group if node.content_type == content_type]
        text = "\n\n".join(filter(None, [_text_within(raw, node, room, limits, defects) for node in chosen]))
        if text:
            return text
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


def _text_within(raw: Raw, node: Node, room: int, limits: Limits, defects: set[Defect]) -> str:
    max_bytes = limits.html_bytes if node.content_type == "text/html" else room * BYTES_PER_CHAR
    return part_text(raw, node, max_bytes, defects)


def part_text(
    raw: Raw, node: Node, max_bytes: int, defects: set[Defect], encoded_per_byte: int = ENCODED_PER_BYTE
) -> str:
    """Return the readable text of a body part, of which about `max_bytes` decoded bytes are read."""
    source = source_text(raw, node, max_bytes, defects, encoded_per_byte)
    if node.content_type == "text/html":
        return clean(html_to_text(source)).strip()
    text = clean(source)
    if "format" in node.parameters and node.parameters["format"].lower() == "flowed":
        text = flowed.joined(text, delsp=node.parameters.get("delsp", "").lower() == "yes")
    return text.strip()


def source_text(
    raw: Raw, node: Node, max_bytes: int, defects: set[Defect], encoded_per_byte: int = ENCODED_PER_BYTE
) -> str:
    """Return the decoded text of a part, of which at most about `max_bytes` decoded bytes are read.

    Line ends are those of the mail; `encoded_per_byte` bounds how many encoded bytes are looked at.
    """
    end = min(node.end, node.start + max_bytes * encoded_per_byte)
    is_cut = end < node.end
    data = raw[node.start : end]
    if not transfer.is_identity(node.encoding):
        data = _decoded(data, node.encoding, is_cut, defects)
    if len(data) > max_bytes:
        data, is_cut = data[:max_bytes], True
    charset = node.parameters.get("charset", "").lower()
    if not data.isascii() and b"\r\n" in data and not charset.startswith(_WIDE_CHARSETS):
        data = data.replace(b"\r\n", b"\n")  # several times faster than in text that is not ASCII
    found = charsets.decode(data, charset, is_cut=is_cut)
    if found.trouble:
        defects.add(_CHARSET_DEFECTS[found.trouble])
    return found.text


def _decoded(data: bytes, encoding: str, is_cut: bool, defects: set[Defect]) -> bytes:
    """Undo the transfer encoding of a part, or of its beginning."""
    if is_cut:
        data = data[: transfer.safe_cut(data, encoding)]
    data, defect = transfer.decode(data, encoding)
    if defect:
        defects.add(defect)
    elif not transfer.is_known(encoding):
        defects.add(Defect.UNKNOWN_ENCODING)
    return data
