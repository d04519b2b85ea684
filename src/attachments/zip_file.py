"""ZIP archives. Never extracted to disk: a member is inflated in memory, up to a bound, whatever the directory says."""

import zipfile
from collections.abc import Iterator

from src.attachments.bounded_read import CountingReader, member, read_member
from src.attachments.extractor import Content, NotExtractedError
from src.attachments.limits import Limits


class ZipArchive:
    """Plays `Container` for ZIP."""

    def members(self, data: Content, limits: Limits) -> Iterator[Content]:
        with data.open_zip() as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    data.budget.open_member()
                    yield member(entry.filename, _read(archive, entry, data, limits), data.budget)


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, data: Content, limits: Limits) -> bytes | None:
    """Return a member's bytes; None where there are none to be had: too large, damaged, or with a password."""
    try:
        with archive.open(entry) as opened:
            return read_member(CountingReader(opened, data.budget), limits.memory_bytes)
    except NotExtractedError:
        raise
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError, ValueError):
        return None
