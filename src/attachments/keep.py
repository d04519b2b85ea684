"""What is kept of one attachment: its name, type, size, hash and text. Never its bytes.

Up to 10 MB it is decoded in memory; up to 50 MB in slices, into a temporary file where an extractor wants to read it;
above that it is never decoded. Whatever happens here, the mail is stored.
"""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

from src.attachments import temp_files
from src.attachments.extractor import Content
from src.attachments.limits import DEFAULT, MB, Limits
from src.attachments.plain_text import as_extraction
from src.attachments.registry import line_for
from src.attachments.take_out import UNSUPPORTED, take_out
from src.common.instruments import ATTACHMENT_SECONDS, ATTACHMENTS_PROCESSED, ATTACHMENTS_SKIPPED
from src.model.extraction import Attachment, AttachmentPart, Extracted, Extraction
from src.text.normalise import cut

TOO_LARGE = Extraction(Extracted.SKIPPED, reason="too_large")


def keep(part: AttachmentPart, limits: Limits = DEFAULT, temp_dir: Path | None = None) -> Attachment:
    """Return what is stored of `part`. Blocks while its text is taken out. `temp_dir`: None is `own_folder()`.

    Raises TempSpaceError (temporary) when a big one finds no room in `temp_dir`.
    """
    began = time.perf_counter()
    if part.estimated_size_bytes > limits.decoded_bytes:
        kept = _described(part, part.estimated_size_bytes, "", TOO_LARGE)
    elif part.estimated_size_bytes > limits.memory_bytes:
        kept = _kept_in_slices(part, limits, temp_dir or temp_files.own_folder())
    else:
        kept = _kept_in_memory(part, limits)
    _count(kept, time.perf_counter() - began)
    return kept


def _kept_in_memory(part: AttachmentPart, limits: Limits) -> Attachment:
    data = part.decode()
    extraction = _known(part, limits)
    if extraction is None:
        extraction = take_out(Content(part.content_type, part.charset, len(data), data=data), limits)
    return _described(part, len(data), hashlib.sha256(data).hexdigest(), extraction)


def _kept_in_slices(part: AttachmentPart, limits: Limits, temp_dir: Path) -> Attachment:
    extraction = _known(part, limits)
    tally = _Tally(part.decode_slices(), limits.decoded_bytes)
    if extraction is not None or line_for(part.content_type) is None:
        for _ in tally:
            pass
    else:
        extraction = _extracted_from_file(part, tally, limits, temp_dir)
    if tally.is_too_large:
        return _described(part, tally.size_bytes, "", TOO_LARGE)
    return _described(part, tally.size_bytes, tally.sha256.hexdigest(), extraction or UNSUPPORTED)


def _extracted_from_file(part: AttachmentPart, tally: "_Tally", limits: Limits, temp_dir: Path) -> Extraction:
    with temp_files.written(tally, temp_dir) as path:
        if tally.is_too_large:
            return TOO_LARGE
        content = Content(part.content_type, part.charset, tally.size_bytes, path=path)
        return take_out(content, limits)


class _Tally:
    """Passes slices on, counting and hashing them; stops after `max_bytes`, since an estimate may be wrong."""

    def __init__(self, slices: Iterator[bytes], max_bytes: int) -> None:
        self._slices = slices
        self._max_bytes = max_bytes
        self.sha256 = hashlib.sha256()
        self.size_bytes = 0

    @property
    def is_too_large(self) -> bool:
        return self.size_bytes > self._max_bytes

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._slices:
            self.size_bytes += len(piece)
            if self.is_too_large:
                return
            self.sha256.update(piece)
            yield piece


def _known(part: AttachmentPart, limits: Limits) -> Extraction | None:
    """Return the text that the mail's parser knows already (of a nested mail); None if it knows none."""
    if part.known_text is None:
        return None
    text, was_cut = cut(part.known_text, limits.text_chars)
    return as_extraction(text, was_cut=was_cut, charset="utf-8")


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


def _count(kept: Attachment, seconds: float) -> None:
    ATTACHMENT_SECONDS.labels(size_bucket=size_bucket(kept.size_bytes)).observe(seconds)
    if kept.extraction.outcome is Extracted.SKIPPED:
        ATTACHMENTS_SKIPPED.labels(reason=kept.extraction.reason).inc()
    else:
        ATTACHMENTS_PROCESSED.inc()


def size_bucket(size_bytes: int) -> str:
    """Return the label of CONTRACT.md for a size."""
    if size_bytes < MB:
        return "<1MB"
    if size_bytes <= 10 * MB:
        return "1-10MB"
    return "10-50MB" if size_bytes <= 50 * MB else ">50MB"
