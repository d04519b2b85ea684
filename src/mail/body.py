"""Which parts are the body, and their text.

A part is body if it is text/plain or text/html, not marked as an attachment, and has no file name. Of a
multipart/alternative the plain text is taken, or the HTML where there is no plain text or it is blank; all other body
parts follow one another in their order. Everything else that is no container is an attachment.
"""

from collections.abc import Callable, Iterable, Sequence

from src.mail import flowed, transfer
from src.mail.defects import Defect
from src.mail.limits import Limits
from src.mail.splitter import Node
from src.mail.transfer import Raw
from src.text import charsets
from src.text.html_text import html_to_text
from src.text.normalise import clean, clean_ascii, cut

BYTES_PER_CHAR = 4  # most bytes that one character takes in any allowed charset
ENCODED_PER_BYTE = 3  # most encoded bytes for one byte (quoted-printable)

_SAMPLE_BYTES = 400  # of a part's beginning: enough to see what script it is in
_SPARSE_ESCAPES = 8  # quoted-printable is mostly ASCII if at most one character in so many is an escape

# Makes text of a part, given: raw mail, part, most decoded bytes to read, defects to add to, encoded bytes for each.
Read = Callable[[Raw, Node, int, set[Defect], int], str]

_ASCII_LIKE = frozenset({"", "us-ascii", "utf-8", "UTF-8", "US-ASCII", "iso-8859-1", "ISO-8859-1", "windows-1252"})
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


def first_chars(raw: Raw, node: Node, chars: int, max_bytes: int, read: Read) -> str:
    """Return the first characters of what `read` makes of a part, of which at most `max_bytes` decoded ones are read.

    As many bytes are read as so many characters should need. Where that does not give enough, or leaves the charset in
    doubt, `max_bytes` are.
    """
    defects: set[Defect] = set()
    look_bytes = _look_bytes(raw, node, chars, max_bytes, read)
    text = read(raw, node, look_bytes, defects, 1)
    if defects or (len(text) < chars and node.start + look_bytes < node.end):
        text = read(raw, node, max_bytes, defects, ENCODED_PER_BYTE)
    return text[:chars]


def _look_bytes(raw: Raw, node: Node, chars: int, max_bytes: int, read: Read) -> int:
    """Guess how many encoded bytes make so many characters: from a part's beginning, if that is not plain ASCII."""
    enough = chars * 3 // 2
    if node.end - node.start > enough:
        sample = raw[node.start : min(node.start + _SAMPLE_BYTES, node.end)]
        is_dense = sample.count(b"=") * _SPARSE_ESCAPES > len(sample) or not sample.isascii()
        if is_dense or node.encoding == "base64":
            sample_chars = len(read(raw, node, len(sample), set(), 1))
            enough = chars * len(sample) * 6 // (5 * max(sample_chars, 1))  # a fifth more, for what varies
    return min(enough, max_bytes * ENCODED_PER_BYTE)


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
    for content_type in ("text/plain", "text/html"):
        texts: list[str] = []
        for node in group:
            if node.content_type == content_type:
                max_bytes = limits.html_bytes if content_type == "text/html" else room * BYTES_PER_CHAR
                texts.append(part_text(raw, node, max_bytes, defects))
        text = "\n\n".join(filter(None, texts)) if len(texts) > 1 else "".join(texts)
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


def part_text(
    raw: Raw, node: Node, max_bytes: int, defects: set[Defect], encoded_per_byte: int = ENCODED_PER_BYTE
) -> str:
    """Return the readable text of a body part, of which about `max_bytes` decoded bytes are read."""
    data, is_cut = _decoded_bytes(raw, node, max_bytes, defects, encoded_per_byte)
    if node.content_type == "text/html":
        return clean(html_to_text(_text(data, node, defects, is_cut=is_cut))).strip()
    text = _clean_text(data, node, defects, is_cut=is_cut)
    if "format" in node.parameters and node.parameters["format"].lower() == "flowed":
        text = flowed.joined(text, delsp=node.parameters.get("delsp", "").lower() == "yes")
    return text.strip()


def _clean_source(raw: Raw, node: Node, max_bytes: int, defects: set[Defect], encoded_per_byte: int) -> str:
    """Return the source of a body part: `part_text`, but with the markup."""
    data, is_cut = _decoded_bytes(raw, node, max_bytes, defects, encoded_per_byte)
    return _clean_text(data, node, defects, is_cut=is_cut).strip()


def _decoded_bytes(
    raw: Raw, node: Node, max_bytes: int, defects: set[Defect], encoded_per_byte: int
) -> tuple[bytes, bool]:
    """Return the decoded bytes of a part, at most `max_bytes`, and whether there are more.

    `encoded_per_byte` bounds how many encoded bytes are looked at for each of them.
    """
    end = min(node.end, node.start + max_bytes * encoded_per_byte)
    is_cut = end < node.end
    data = raw[node.start : end]
    encoding = node.encoding
    if not transfer.is_identity(encoding):
        if is_cut:
            data = data[: transfer.safe_cut(data, encoding)]
        data, defect = transfer.decode(data, encoding)
        if defect:
            defects.add(defect)
        elif not transfer.is_known(encoding):
            defects.add(Defect.UNKNOWN_ENCODING)
    return (data[:max_bytes], True) if len(data) > max_bytes else (data, is_cut)


def _clean_text(data: bytes, node: Node, defects: set[Defect], *, is_cut: bool) -> str:
    if data.isascii() and node.parameters.get("charset", "") in _ASCII_LIKE and b"\x1b" not in data:
        return clean_ascii(data)  # what most text is, and what all of the below would make of it
    return clean(_text(data, node, defects, is_cut=is_cut))


def _text(data: bytes, node: Node, defects: set[Defect], *, is_cut: bool) -> str:
    charset = node.parameters.get("charset", "").lower()
    if b"\r\n" in data and not charset.startswith(_WIDE_CHARSETS):
        data = data.replace(b"\r\n", b"\n")  # several times faster than in text that is not ASCII
    found = charsets.decode(data, charset, is_cut=is_cut)
    if found.trouble:
        defects.add(_CHARSET_DEFECTS[found.trouble])
    return found.text
