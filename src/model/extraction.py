"""Extraction: what is kept of an attachment. Never its bytes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Extracted(StrEnum):
    """How the extraction of an attachment's text ended."""

    TEXT = "text"  # there is text, perhaps cut (see `truncated`)
    EMPTY = "empty"  # read, and it holds no text
    SKIPPED = "skipped"  # not read, `reason` says why
    FAILED = "failed"  # tried, and failed for `reason`; the mail is stored all the same


class Scan(StrEnum):
    """What the virus scanner said of an attachment."""

    OFF = ""  # none is set up, or there was nothing to scan: never decoded
    CLEAN = "clean"
    INFECTED = "infected"  # then its text is not taken out; metadata has the `signature`
    UNSCANNED = "unscanned"  # the scanner was away, or could not scan this one


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
    scan: Scan = Scan.OFF
    recipe: str = ""  # what its bytes were taken for and how they were read; empty when they never were decoded


class AttachmentPart(Protocol):
    """A part of a mail that is an attachment, found but not decoded yet. Valid while the raw mail is held."""

    position: int  # 0-based, in the order of the mail's parts
    filename: str  # cleaned, see Attachment
    content_type: str  # lower case, as declared; "application/octet-stream" if none
    charset: str  # as declared, lower case; empty if none
    content_id: str
    is_inline: bool
    estimated_size_bytes: int  # of the decoded bytes, from the encoded length; exact for 7bit, 8bit and binary

    @property
    def known_text(self) -> str | None:
        """The text, where the mail's parser knows it already (of a nested mail); None: an extractor has to find it."""
        ...

    def decode(self) -> bytes:
        """Return the decoded bytes; never raises on broken encoding, it decodes what can be decoded."""
        ...

    def decode_slices(self) -> Iterator[bytes]:
        """Yield the decoded bytes in slices of about 1 MiB, so that a big part is never held whole."""
        ...
