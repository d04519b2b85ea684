"""Extraction: what is kept of an attachment. Never its bytes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Extracted(StrEnum):
    """How the extraction of an attachment's text ended."""

    TEXT = "text"  # there is text, perhaps cut (see `truncated`)
    EMPTY = "empty"  # read, and it holds no text
    SKIPPED = "skipped"  # not read, `reason` says why
    FAILED = "failed"  # tried, and failed for `reason`; the mail is stored all the same


@dataclass(frozen=True, slots=True)
class Extraction:
    """What an extractor found in one attachment."""

    outcome: Extracted
    text: str = ""  # normalised: NFC, no control characters, no lone surrogates
    reason: str = ""  # a stable slug such as `too_large`, `unsupported_type`; empty for TEXT and EMPTY
    truncated: bool = False  # the text was cut at the limit
    metadata: Mapping[str, str | int] = field(default_factory=dict)  # pages, author, charset, …


@dataclass(frozen=True, slots=True)
class Attachment:
    """One attachment as it is stored."""

    position: int  # 0-based, in the order of the mail's parts
    filename: str  # cleaned: no separators, no control or bidi characters, at most 255 bytes; may be empty
    content_type: str  # lower case, as declared
    content_id: str  # without angle brackets; empty if none
    size_bytes: int  # of the decoded bytes; over the size limit: estimated from the encoded length
    sha256: str  # hex, of the decoded bytes; empty when they were never decoded (over 50 MB)
    is_inline: bool
    extraction: Extraction
