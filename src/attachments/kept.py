"""Kept: what is stored of one attachment, made of its part and of what was found in it; and counted."""

import time
from typing import NamedTuple

from src.attachments.limits import MB
from src.common.instruments import ATTACHMENT_SECONDS, ATTACHMENTS_PROCESSED, ATTACHMENTS_SKIPPED
from src.model.extraction import Attachment, AttachmentPart, Extracted, Extraction, Scan

TOO_LARGE = Extraction(Extracted.SKIPPED, reason="too_large")


class Found(NamedTuple):
    """What was found in an attachment, and how."""

    extraction: Extraction
    recipe: str = ""
    scan: Scan = Scan.OFF


def never_decoded(part: AttachmentPart) -> Attachment:
    """Return what is stored of a part that is over the size limit by its estimated size."""
    return described(part, part.estimated_size_bytes, "", Found(TOO_LARGE))


def described(part: AttachmentPart, size_bytes: int, sha256: str, found: Found) -> Attachment:
    """Return what is stored of a part of this size and SHA-256 (in hex; empty if it was not decoded to its end)."""
    return Attachment(
        position=part.position,
        filename=part.filename,
        content_type=part.content_type,
        content_id=part.content_id,
        size_bytes=size_bytes,
        sha256=sha256,
        is_inline=part.is_inline,
        extraction=found.extraction,
        scan=found.scan,
        recipe=found.recipe,
    )


def counted(kept: Attachment, began: float) -> Attachment:
    """Count what is kept, and the time since `began`, as time.perf_counter told it; return it as it is."""
    ATTACHMENT_SECONDS.labels(size_bucket=size_bucket(kept.size_bytes)).observe(time.perf_counter() - began)
    if kept.extraction.outcome in (Extracted.SKIPPED, Extracted.FAILED):
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
