"""MboxWalk: read an mbox mail by mail, with the id of each, from the file's start.

The id of a mail is its content and which occurrence of this content in the file it is, so a walk always begins at the
start of the file; what was read in an earlier run is hashed again, not published again.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from src.common.errors import FileUnreadableError
from src.common.logs import get_logger
from src.sources.file_bytes import FileBytes
from src.sources.file_limits import FileLimits
from src.sources.file_slices import FileSlices
from src.sources.mbox_quoting import unquoted
from src.sources.mbox_scan import MailSpan, first_mail, span_at
from src.sources.occurrences import Occurrences

log = get_logger(__name__)

START_OF_FILE = hashlib.blake2b(b"mbox", digest_size=16).hexdigest()  # fingerprint before the first mail


@dataclass(frozen=True, slots=True)
class WalkedMail:
    """One mail of the file."""

    span: MailSpan
    source_id: str
    raw: bytes | FileSlices
    size_bytes: int


class MboxWalk:
    """Where a walk stands: `offset` is the start of the next mail, `fingerprint` stands for all mails before it."""

    def __init__(self, file: FileBytes, limits: FileLimits) -> None:
        self._file = file
        self._limits = limits
        self._occurrences = Occurrences()
        self.offset = 0
        self.count = 0
        self.fingerprint = START_OF_FILE

    def peek(self) -> MailSpan | None:
        """Return where the next mail lies; None at the file's end. Raises FileUnreadableError if this is no mbox."""
        if self.offset == 0 and self._file.size_bytes:
            self.offset = self._skip_preamble()
        return span_at(self._file, self.offset) if self.offset < self._file.size_bytes else None

    def read(self, span: MailSpan) -> WalkedMail:
        """Read the mail that `peek` found, and step behind it."""
        raw = self._raw(span)
        digest = raw.sha256 if isinstance(raw, FileSlices) else hashlib.sha256(raw).digest()
        size_bytes = raw.size_bytes if isinstance(raw, FileSlices) else len(raw)
        occurrence = self._occurrences.count(digest)
        self.offset = span.stop
        self.count += 1
        self.fingerprint = hashlib.blake2b(bytes.fromhex(self.fingerprint) + digest, digest_size=16).hexdigest()
        return WalkedMail(span, f"{digest.hex()[:32]}:{occurrence}", raw, size_bytes)

    def mails(self) -> Iterator[WalkedMail]:
        """Walk all that is left."""
        while (span := self.peek()) is not None:
            yield self.read(span)

    def advance_to(self, offset: int, fingerprint: str) -> bool:
        """Walk until `offset`; return whether the file up to there is the one that `fingerprint` stands for."""
        while self.offset < offset and (span := self.peek()) is not None and span.start < offset:
            self.read(span)
        return self.offset == offset and self.fingerprint == fingerprint

    def close(self) -> None:
        """Forget the counts. May be called twice."""
        self._occurrences.close()

    def _raw(self, span: MailSpan) -> bytes | FileSlices:
        if span.raw_stop - span.raw_start > self._limits.slice_bytes:
            return FileSlices(self._file, span.raw_start, span.raw_stop, is_quoted=span.is_quoted)
        data = self._file.read(span.raw_start, span.raw_stop)
        return b"".join(unquoted([data])) if span.is_quoted else data

    def _skip_preamble(self) -> int:
        start = first_mail(self._file)
        if start is None:
            raise FileUnreadableError(
                "an mbox was expected, with lines `From SENDER DATE` before each mail, and no such line was found: "
                "see docs/howto/import-mbox-and-maildir.md"
            )
        if start:
            log.warning("mbox_preamble_skipped", size_bytes=start)
        return start
