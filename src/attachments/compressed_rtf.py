"""RTF as Outlook keeps it, compressed by references into the last 4,096 bytes (MS-OXRTFCP), and the text of it."""

import struct

from src.attachments.limits import MB
from src.attachments.rtf import text_of_rtf

SOURCE_BYTES = 8 * MB  # of RTF, at most
_HEADER_BYTES = 16
_COMPRESSED, _PLAIN = b"LZFu", b"MELA"
_WINDOW_BYTES = 4096
# What the window holds at the start, section 2.1.2.1.
_PRESET = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor "
    rb"MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)


def text_of_compressed_rtf(data: bytes) -> str:
    """Return the text; of RTF that holds HTML, the text which that shows. Empty if it is no compressed RTF."""
    rtf = decompressed(data)
    return text_of_rtf(rtf) if rtf.lstrip().startswith(b"{\\rtf") else ""


def decompressed(data: bytes, max_bytes: int = SOURCE_BYTES) -> bytes:
    """Return the RTF, as much of it as is whole, at most `max_bytes`; empty if it is no compressed RTF."""
    if len(data) < _HEADER_BYTES:
        return b""
    claimed, kind = struct.unpack_from("<I4s", data, 4)
    room = min(claimed, max_bytes)
    if kind == _PLAIN:
        return data[_HEADER_BYTES : _HEADER_BYTES + room]
    return _expanded(data, room) if kind == _COMPRESSED else b""


def _expanded(data: bytes, room: int) -> bytes:
    """Follow the runs: a byte of flags, then for each bit a byte as it is, or two that refer into the window."""
    out, at, most = bytearray(_PRESET), _HEADER_BYTES, len(_PRESET) + room
    while at < len(data) and len(out) < most:
        flags = data[at]
        at += 1
        for bit in range(8):
            if not flags >> bit & 1:
                out += data[at : at + 1]
                at += 1
                continue
            if at + 2 > len(data):
                return bytes(out[len(_PRESET) : most])
            reference = data[at] << 8 | data[at + 1]
            at += 2
            distance = (len(out) - (reference >> 4)) % _WINDOW_BYTES
            if not 0 < distance <= len(out):  # none: the end, section 2.2.1; too far: damaged
                return bytes(out[len(_PRESET) : most])
            length = (reference & 15) + 2
            piece = out[len(out) - distance :][:length]
            out += (piece * (length // distance + 1))[:length]  # what it refers to may reach into itself
    return bytes(out[len(_PRESET) : most])
