"""The role of a virus scanner, and what it says. `clamav.py` plays it; without one, nothing is scanned."""

from dataclasses import dataclass
from typing import Protocol

from src.attachments.extractor import Content
from src.model.extraction import Scan


@dataclass(frozen=True, slots=True)
class Scanned:
    """What the scanner said of one attachment."""

    verdict: Scan
    signature: str = ""  # of what it is infected with


class Scanner(Protocol):
    """Scans attachments. Thread-safe."""

    def scan(self, content: Content) -> Scanned:
        """Return what is to be said of `content`; blocks. Raises ScannerUnavailableError, if it is to be waited for."""
        ...

    def close(self) -> None:
        """Break off what is being scanned, and scan no more."""
        ...
