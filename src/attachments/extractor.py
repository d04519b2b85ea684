"""The role of an extractor, and what it is given. A new one is one file that plays `Extractor`, and one line in
`registry.py`; see docs/howto/add-an-extractor.md."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from src.attachments.limits import Limits
from src.model.extraction import Extraction


@dataclass(frozen=True, slots=True)
class Content:
    """The decoded bytes of an attachment: in memory, or in a temporary file. One of `data` and `path` is set."""

    content_type: str  # lower case, as declared
    charset: str  # as declared; empty if none
    size_bytes: int
    data: bytes | None = None
    path: Path | None = None  # gone when `extract` has returned

    def first(self, max_bytes: int) -> bytes:
        """Return the first bytes, at most `max_bytes`."""
        if self.path is None:
            return (self.data or b"")[:max_bytes]
        with self.path.open("rb") as file:
            return file.read(max_bytes)


class Extractor(Protocol):
    """Takes the text out of one kind of attachment."""

    def extract(self, data: Content, limits: Limits) -> Extraction:
        """Return the text, normalised and cut at `limits.text_chars`. Never raises on bad content: that is `FAILED`
        with a reason. Must hold no more than a small multiple of the limits in memory."""
        ...
