"""TAR archives, plain or in gzip, bzip2 or xz: a stream, member after member. Links and devices are passed over."""

import tarfile
from collections.abc import Iterator

from src.attachments.bounded_read import CountingReader, Readable, member, read_member
from src.attachments.extractor import Content
from src.attachments.limits import Limits


class TarArchive:
    """Plays `Container` for TAR."""

    def members(self, data: Content, limits: Limits) -> Iterator[Content]:
        with data.open() as file:
            yield from tar_members(CountingReader(file, data.budget), data, limits)


def tar_members(stream: Readable, data: Content, limits: Limits) -> Iterator[Content]:
    """Yield the members of a TAR that comes as a stream."""
    with tarfile.open(fileobj=stream, mode="r|") as archive:  # type: ignore[call-overload]  # it only reads
        for entry in archive:
            if not entry.isreg():
                continue
            data.budget.open_member()
            opened = archive.extractfile(entry)
            yield member(entry.name, read_member(opened, limits.memory_bytes) if opened else None, data.budget)
