"""One file compressed by gzip, bzip2 or xz; a TAR inside is read as it streams, and costs no level of nesting."""

import bz2
import gzip
import io
import lzma
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from src.attachments.bounded_read import CountingReader, member, read_member
from src.attachments.extractor import Content
from src.attachments.limits import Limits
from src.attachments.tar_file import tar_members

_TAR_MAGIC_AT, _TAR_HEAD_BYTES = 257, 512


class Compressed:
    """Plays `Container` for gzip, bzip2 and xz."""

    def members(self, data: Content, limits: Limits) -> Iterator[Content]:
        with data.open() as file, _inflating(data, file) as inflated:
            data.budget.open_member()
            buffered = io.BufferedReader(cast(io.RawIOBase, inflated))
            head = buffered.peek(_TAR_HEAD_BYTES)[:_TAR_HEAD_BYTES]
            counted = CountingReader(buffered, data.budget)
            if head.startswith(b"ustar", _TAR_MAGIC_AT):
                yield from tar_members(counted, data, limits)
            else:
                yield member(PurePosixPath(data.filename).stem, read_member(counted, limits.memory_bytes), data.budget)


def _inflating(data: Content, file: BinaryIO) -> BinaryIO:
    if data.content_type == "application/x-bzip2":
        return cast(BinaryIO, bz2.BZ2File(file))
    if data.content_type == "application/x-xz":
        return cast(BinaryIO, lzma.LZMAFile(file))
    return cast(BinaryIO, gzip.GzipFile(fileobj=file))
