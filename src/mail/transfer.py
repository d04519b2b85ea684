"""Content-Transfer-Encoding undone: whole (`decode`) or in slices (`decode_slices`). Broken input gives what it can.

Base64 runs through pybase64 (3.7 GB/s) once line ends are out; only what that refuses takes the tolerant way.
"""

import binascii
import mmap
import re
from collections.abc import Iterator
from typing import NamedTuple

import pybase64

from src.mail.defects import Defect

Raw = bytes | mmap.mmap

SLICE_BYTES = 1024 * 1024  # encoded bytes handled at a time; bounds the memory of a big attachment
MAX_UNBROKEN_BYTES = 64 * 1024  # a quoted-printable line longer than this is cut anywhere but inside an escape

_IDENTITY = frozenset({"", "7bit", "8bit", "binary", "7-bit", "8-bit"})
_UUENCODE = frozenset({"x-uuencode", "uuencode", "x-uue", "uue"})
_KNOWN = _IDENTITY | _UUENCODE | {"base64", "quoted-printable"}
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NOT_ALPHABET = bytes(sorted(set(range(256)) - set(_ALPHABET)))
_BLANKS = b" \t\r\n\x0b\x0c"
_PADDING = re.compile(rb"=+")


class Decoding(NamedTuple):
    """Decoded bytes, and what was wrong."""

    data: bytes
    defect: Defect | None


def is_identity(encoding: str) -> bool:
    """Tell whether the encoded bytes are the decoded ones."""
    return encoding in _IDENTITY


def is_known(encoding: str) -> bool:
    """Tell whether the encoding is one of those that mail uses."""
    return encoding in _KNOWN


def decode(data: bytes, encoding: str) -> Decoding:
    """Return the decoded bytes."""
    if encoding == "base64":
        return _base64(data)
    if encoding == "quoted-printable":
        return Decoding(binascii.a2b_qp(data), None)
    if encoding in _UUENCODE:
        return _uuencode(data)
    return Decoding(data, None)


def decode_slices(raw: Raw, start: int, end: int, encoding: str) -> Iterator[Decoding]:
    """Yield the decoded bytes of `raw[start:end]` in slices of about 1 MiB; what is held is bounded by that."""
    carry = b""
    while start < end:
        stop = min(start + SLICE_BYTES, end)
        piece = carry + raw[start:stop]
        start = stop
        whole = len(piece) if start >= end else safe_cut(piece, encoding)
        carry = piece[whole:]
        yield decode(piece[:whole], encoding)


def count_base64(raw: Raw, start: int, end: int) -> int:
    """Return how many characters of the base64 alphabet lie in `raw[start:end]`."""
    spans = range(start, end, SLICE_BYTES)
    return sum(_count_alphabet(bytes(raw[at : min(at + SLICE_BYTES, end)])) for at in spans)


def safe_cut(piece: bytes, encoding: str) -> int:
    """Return where `piece` may be cut so that both sides decode on their own."""
    if is_identity(encoding) or not is_known(encoding):
        return len(piece)
    if encoding == "base64":
        return _base64_cut(piece)
    line_end = piece.rfind(b"\n") + 1
    if line_end:
        return line_end
    if len(piece) < MAX_UNBROKEN_BYTES:
        return 0
    escape = piece.rfind(b"=", len(piece) - 3)
    return escape if escape >= 0 else len(piece)


def _base64_cut(piece: bytes) -> int:
    """Leave the last incomplete group of four characters, counted from the last padding, for the next slice."""
    packed = piece.translate(None, _NOT_ALPHABET)
    run_start = packed.rstrip(b"=").rfind(b"=") + 1
    surplus = (len(packed) - run_start) % 4
    cut = len(piece)
    while surplus:
        cut -= 1
        if piece[cut] in _ALPHABET:
            surplus -= 1
    return cut


def _count_alphabet(piece: bytes) -> int:
    return len(piece.translate(None, _NOT_ALPHABET))


def _base64(data: bytes) -> Decoding:
    packed = data.translate(None, _BLANKS)
    try:
        return Decoding(pybase64.b64decode(packed, validate=True), None)
    except (binascii.Error, ValueError):
        return Decoding(_tolerant_base64(packed), Defect.BAD_BASE64)


def _tolerant_base64(packed: bytes) -> bytes:
    """Decode each run between paddings on its own, without foreign characters and a last lone one."""
    runs = _PADDING.split(packed.translate(None, _NOT_ALPHABET))
    decoded = []
    for run in runs:
        run = run[:-1] if len(run) % 4 == 1 else run
        decoded.append(pybase64.b64decode(run + b"=" * (-len(run) % 4)))
    return b"".join(decoded)


def _uuencode(data: bytes) -> Decoding:
    """Decode the lines between `begin` and `end`; with neither, all lines."""
    lines = data.split(b"\n")
    begin = next((i + 1 for i, line in enumerate(lines) if line.startswith(b"begin ")), 0)
    decoded: list[bytes] = []
    defect = None
    for line in lines[begin:]:
        line = line.rstrip(b"\r")
        if line == b"end":
            break
        try:
            decoded.append(binascii.a2b_uu(line))
        except binascii.Error:
            defect = Defect.BAD_UUENCODE
    return Decoding(b"".join(decoded), defect)
