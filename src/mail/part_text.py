"""The text of one body part: decoded, its charset found out, cleaned. Whole, or only its first characters.

Plain ASCII, which most text is, is cleaned while it is still bytes; all else goes by `charsets.decode`.
"""

from collections.abc import Callable

from src.mail import flowed, transfer
from src.mail.defects import Defect
from src.mail.splitter import Node
from src.mail.transfer import Raw
from src.text import charsets
from src.text.html_text import html_to_text
from src.text.normalise import clean, clean_ascii

BYTES_PER_CHAR = 4  # most bytes that one character takes in any allowed charset
ENCODED_PER_BYTE = 3  # most encoded bytes for one byte (quoted-printable)

_SAMPLE_BYTES = 400  # of a part's beginning: enough to see what script it is in
_SPARSE_ESCAPES = 8  # quoted-printable is mostly ASCII if at most one character in so many is an escape

# Makes text of a part, given: raw mail, part, most decoded bytes to read, defects to add to, encoded bytes for each.
Read = Callable[[Raw, Node, int, set[Defect], int], str]

_ASCII_LIKE = frozenset({"", "us-ascii", "utf-8", "UTF-8", "US-ASCII", "iso-8859-1", "ISO-8859-1", "windows-1252"})
_WIDE_CHARSETS = ("utf-16", "utf16", "utf-32", "ucs", "unicode", "iso-10646")  # CR and LF are no bytes of their own
_CHARSET_DEFECTS = {"unknown_charset": Defect.UNKNOWN_CHARSET, "undecodable": Defect.BAD_CHARSET}


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


def source_of(raw: Raw, node: Node, max_bytes: int, defects: set[Defect], encoded_per_byte: int) -> str:
    """Return the source of a body part: `part_text`, but with the markup."""
    data, is_cut = _decoded_bytes(raw, node, max_bytes, defects, encoded_per_byte)
    return _clean_text(data, node, defects, is_cut=is_cut).strip()


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


def _decoded_bytes(
    raw: Raw, node: Node, max_bytes: int, defects: set[Defect], encoded_per_byte: int
) -> tuple[bytes, bool]:
    """Return the decoded bytes of a part, at most `max_bytes`, and whether there are more.

    `encoded_per_byte` bounds how many encoded bytes are looked at for each of them.
    """
    encoding, end = node.encoding, node.end
    is_cut = end > node.start + max_bytes * encoded_per_byte
    if is_cut:
        end = node.start + max_bytes * encoded_per_byte
    data = raw[node.start : end]
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
