"""The bounds of attachments, with unit and reason."""

from dataclasses import dataclass

MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for one attachment."""

    memory_bytes: int = 10 * MB  # CONTRACT.md: up to here in memory, above it in a temporary file
    decoded_bytes: int = 50 * MB  # CONTRACT.md: above it never decoded, metadata only
    text_chars: int = MB  # text kept: 500 pages; full-text search past it helps nobody
    html_bytes: int = 8 * MB  # HTML source read; markup is 5 to 10 times its text


DEFAULT = Limits()
