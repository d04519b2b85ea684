"""How raw mail lies in Redis: one byte that says how, then the bytes, plain or compressed.

A value and each slice of a big mail look alike. Compression is zstd at level 1: higher levels cost more time than the
few per cent they save are worth here, and nobody keeps these values for long.

Many mails are compressed by one call: each call lets go of Python's lock, and to get it back costs longer than the mail
took while another thread computes.
"""

import threading
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import zstandard

from src.common.errors import RawMissingError

COMPRESS_FROM_BYTES = 4096  # below it zstd saves less than its header and time cost
SLICE_BYTES = 1024 * 1024  # of raw mail, before compression: bounds what either side holds of a big mail
LEVEL = 1
MIN_MATCH_BYTES = 7  # shortest repeat looked for: a fifth faster than the level's own on office mail, 0.3 % larger
MAX_UNPACKED_BYTES = 256 * 1024 * 1024  # a frame that claims more was not written by us

_PLAIN = b"\x00"
_ZSTD = b"\x01"


class RawCodec:
    """Packs and unpacks; for one thread at a time."""

    def __init__(self) -> None:
        parameters = zstandard.ZstdCompressionParameters.from_level(
            LEVEL, min_match=MIN_MATCH_BYTES, write_content_size=True
        )
        self._compressor = zstandard.ZstdCompressor(compression_params=parameters)
        self._decompressor = zstandard.ZstdDecompressor()

    def pack(self, raw: bytes | memoryview) -> bytes:
        """Return what is stored of `raw`."""
        if len(raw) < COMPRESS_FROM_BYTES:
            return _PLAIN + raw
        return _ZSTD + self._compressor.compress(raw)

    def pack_many(self, raws: Sequence[bytes]) -> list[bytes]:
        """Return what is stored of each of `raws`."""
        large: list[bytes | bytearray | memoryview] = [raw for raw in raws if len(raw) >= COMPRESS_FROM_BYTES]
        if not large:
            return [_PLAIN + raw for raw in raws]
        frames: Iterator[Any] = iter(
            self._compressor.multi_compress_to_buffer(large)
        )  # buffers, which its types conceal
        return [b"".join((_ZSTD, next(frames))) if len(raw) >= COMPRESS_FROM_BYTES else _PLAIN + raw for raw in raws]

    def unpack(self, stored: bytes) -> bytes:
        """Return the raw mail; raises RawMissingError when `stored` is not what `pack` gave."""
        how = stored[:1]
        if how == _PLAIN:
            return stored[1:]
        if how != _ZSTD:
            raise RawMissingError(f"a raw mail in Redis begins with {how!r}, which is no known format")
        try:
            return self._decompressor.decompress(memoryview(stored)[1:], max_output_size=MAX_UNPACKED_BYTES)
        except zstandard.ZstdError as error:
            raise RawMissingError(f"a raw mail in Redis of {len(stored)} bytes does not decompress: {error}") from error


_local = threading.local()


def codec() -> RawCodec:
    """Return this thread's codec; zstandard's objects must not be shared between threads."""
    found: RawCodec | None = getattr(_local, "codec", None)
    if found is None:
        found = _local.codec = RawCodec()
    return found


def slices_of(raw: bytes) -> Iterator[memoryview]:
    """Cut a raw mail into slices without copying it."""
    view = memoryview(raw)
    for start in range(0, len(view), SLICE_BYTES):
        yield view[start : start + SLICE_BYTES]


def resliced(pieces: Iterator[bytes]) -> Iterator[bytes | memoryview]:
    """Bring pieces of any size to slices of at most `SLICE_BYTES`; small neighbours are joined."""
    held: list[bytes] = []
    held_bytes = 0
    for piece in chain.from_iterable(slices_of(piece) for piece in pieces):
        if held_bytes + len(piece) > SLICE_BYTES:
            yield b"".join(held)
            held, held_bytes = [], 0
        held.append(bytes(piece))
        held_bytes += len(piece)
    if held:
        yield b"".join(held)
