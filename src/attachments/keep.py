"""What is kept of one attachment: its name, type, size, hash, text and outcome. Never its bytes.

Up to 10 MB it is decoded in memory; up to 50 MB in slices, into a temporary file; above that it is never decoded. Text
and HTML are read at once; everything else is read by the sandbox, in a child process, and has to be waited for.
Whatever happens there, the mail is stored.
"""

import hashlib
import time
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Protocol

from src.attachments import temp_files
from src.attachments.extractor import Budget, Content
from src.attachments.limits import DEFAULT, MB, Limits
from src.attachments.registry import line_for, outcome_unread
from src.attachments.sniff import HEAD_BYTES, media_type_of
from src.attachments.take_out import take_out
from src.common.instruments import ATTACHMENT_SECONDS, ATTACHMENTS_PROCESSED, ATTACHMENTS_SKIPPED
from src.model.extraction import Attachment, AttachmentPart, Extracted, Extraction
from src.text.normalise import cut

TOO_LARGE = Extraction(Extracted.SKIPPED, reason="too_large")
READ_AT_ONCE_BYTES = MB  # text up to this is read by the worker itself: some 10 ms
LOOKED_AT_BYTES = 64 * 1024  # up to this it costs nothing to see whether a part is what it is declared to be
PICTURES = ("image/", "application/pdf")  # may be read by OCR, and are given the time for it


class Sandbox(Protocol):
    """Reads what could hang, crash or eat memory."""

    def take_out(self, content: Content, limits: Limits, seconds: float) -> Extraction:
        """Return what is found in `content` within `seconds`; blocks. Raises SandboxUnavailableError (temporary)."""
        ...

    def close(self) -> None:
        """End what it started."""
        ...


class Keeper:
    """Keeps attachments. Thread-safe; each call of `keep` blocks its own thread alone."""

    def __init__(self, sandbox: Sandbox, limits: Limits = DEFAULT, temp_dir: Path | None = None) -> None:
        self._sandbox = sandbox
        self._limits = limits
        self._temp_dir = temp_dir

    def now(self, part: AttachmentPart) -> Attachment | None:
        """Return what is stored of a part that is quickly read; None for one that `keep` has to wait for."""
        began = time.perf_counter()
        if part.estimated_size_bytes > self._limits.decoded_bytes:
            return _counted(_described(part, part.estimated_size_bytes, "", TOO_LARGE), began)
        if part.estimated_size_bytes > min(READ_AT_ONCE_BYTES, self._limits.memory_bytes):
            return None
        if part.estimated_size_bytes > LOOKED_AT_BYTES and _is_declared_for_sandbox(part):
            return None
        data = part.decode()
        extraction = self._known(part) or self._read_here(_content(part, data, self._limits))
        if extraction is None:
            return None
        return _counted(_described(part, len(data), hashlib.sha256(data).hexdigest(), extraction), began)

    def keep(self, part: AttachmentPart) -> Attachment:
        """Return what is stored of `part`. Blocks while its text is taken out, within the limits.

        Raises TempSpaceError or SandboxUnavailableError (both temporary).
        """
        kept = self.now(part)
        if kept is not None:
            return kept
        began = time.perf_counter()
        if part.estimated_size_bytes > self._limits.memory_bytes:
            return _counted(self._kept_in_slices(part), began)
        return _counted(self._kept_in_memory(part), began)

    def close(self) -> None:
        """End the sandbox."""
        self._sandbox.close()

    def _kept_in_memory(self, part: AttachmentPart) -> Attachment:
        data = part.decode()
        extraction = self._known(part) or self._read(_content(part, data, self._limits))
        return _described(part, len(data), hashlib.sha256(data).hexdigest(), extraction)

    def _kept_in_slices(self, part: AttachmentPart) -> Attachment:
        slices = part.decode_slices()
        first = next(slices, b"")
        tally = _Tally(chain((first,), slices), self._limits.decoded_bytes)
        extraction = self._known(part) or self._not_to_be_read(part, first)
        if extraction is None:
            extraction = self._read_from_file(part, tally)
        else:
            tally.finish()
        if tally.is_too_large:
            return _described(part, tally.size_bytes, "", TOO_LARGE)
        return _described(part, tally.size_bytes, tally.sha256.hexdigest(), extraction)

    def _not_to_be_read(self, part: AttachmentPart, first: bytes) -> Extraction | None:
        """Return the outcome of what no reader wants, so that it needs no file; None if one does."""
        line = line_for(media_type_of(first, part.content_type, part.filename))
        if line is None or line.reader is None:
            return outcome_unread(line)
        return None

    def _read_from_file(self, part: AttachmentPart, tally: "_Tally") -> Extraction:
        with temp_files.written(tally, self._temp_dir or temp_files.own_folder()) as path:
            if tally.is_too_large:
                return TOO_LARGE
            return self._read(
                Content(
                    part.content_type,
                    part.charset,
                    tally.size_bytes,
                    path=path,
                    filename=part.filename,
                    budget=Budget.of(self._limits),
                )
            )

    def _read(self, content: Content) -> Extraction:
        found = self._read_here(content)
        if found is not None:
            return found
        media_type = media_type_of(content.first(HEAD_BYTES), content.content_type, content.filename)
        seconds = self._limits.seconds + (self._limits.ocr.seconds if media_type.startswith(PICTURES) else 0.0)
        return self._sandbox.take_out(content, self._limits, seconds)

    def _read_here(self, content: Content) -> Extraction | None:
        """Return what is quickly read, or known without reading; None for what belongs into the sandbox."""
        line = line_for(media_type_of(content.first(HEAD_BYTES), content.content_type, content.filename))
        if line is None or line.reader is None:
            return outcome_unread(line)
        return take_out(content, self._limits) if line.here else None

    def _known(self, part: AttachmentPart) -> Extraction | None:
        """Return the text that the mail's parser knows already (of a nested mail); None if it knows none."""
        if part.known_text is None:
            return None
        text, was_cut = cut(part.known_text, self._limits.text_chars)
        return Extraction(Extracted.TEXT, text=text, truncated=was_cut) if text else Extraction(Extracted.EMPTY)


class _Tally:
    """Passes slices on, counting and hashing them; stops after `max_bytes`, since an estimate may be wrong."""

    def __init__(self, slices: Iterable[bytes], max_bytes: int) -> None:
        self._slices = slices
        self._max_bytes = max_bytes
        self.sha256 = hashlib.sha256()
        self.size_bytes = 0

    @property
    def is_too_large(self) -> bool:
        return self.size_bytes > self._max_bytes

    def finish(self) -> None:
        """Count the rest."""
        for _ in self:
            pass

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._slices:
            self.size_bytes += len(piece)
            if self.is_too_large:
                return
            self.sha256.update(piece)
            yield piece


def _is_declared_for_sandbox(part: AttachmentPart) -> bool:
    """Tell whether a part, if it is what it is declared to be, has to be waited for; if not, it may wait as well."""
    line = line_for(part.content_type)
    return part.known_text is None and line is not None and line.reader is not None and not line.here


def _content(part: AttachmentPart, data: bytes, limits: Limits) -> Content:
    return Content(
        part.content_type, part.charset, len(data), data=data, filename=part.filename, budget=Budget.of(limits)
    )


def _described(part: AttachmentPart, size_bytes: int, sha256: str, extraction: Extraction) -> Attachment:
    return Attachment(
        position=part.position,
        filename=part.filename,
        content_type=part.content_type,
        content_id=part.content_id,
        size_bytes=size_bytes,
        sha256=sha256,
        is_inline=part.is_inline,
        extraction=extraction,
    )


def _counted(kept: Attachment, began: float) -> Attachment:
    ATTACHMENT_SECONDS.labels(size_bucket=size_bucket(kept.size_bytes)).observe(time.perf_counter() - began)
    if kept.extraction.outcome is Extracted.SKIPPED:
        ATTACHMENTS_SKIPPED.labels(reason=kept.extraction.reason).inc()
    else:
        ATTACHMENTS_PROCESSED.inc()
    return kept


def size_bucket(size_bytes: int) -> str:
    """Return the label of CONTRACT.md for a size."""
    if size_bytes < MB:
        return "<1MB"
    if size_bytes <= 10 * MB:
        return "1-10MB"
    return "10-50MB" if size_bytes <= 50 * MB else ">50MB"
