"""The two roles that read a kind of attachment, and what they are given. A new one is one file that plays a role, and
one line in `registry.py`; see docs/howto/add-an-extractor.md.

An `Extractor` gives text, a `Container` gives members that are read by the same rules. Both may raise
NotExtractedError, or anything else on bad content: `take_out.py` makes an outcome of it. Where time, memory or a crash
could be at stake, they run in a child process (see `registry.py`), never in the worker itself.
"""

import io
import math
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

from src.attachments.limits import Limits
from src.model.extraction import Extracted, Extraction


class NotExtractedError(Exception):
    """Raised when there is no text to be had; `reason` is a stable slug, such as `encrypted`."""

    def __init__(self, reason: str, *, outcome: Extracted = Extracted.FAILED) -> None:
        super().__init__(reason)
        self.reason = reason
        self.outcome = outcome


@dataclass(slots=True)
class Budget:
    """What is left of the bounds that one attachment shares with everything inside it."""

    inflated_bytes: int
    members: int
    ends_at: float = math.inf  # as time.monotonic tells it: soon after, the sandbox kills the child, and all is lost

    @classmethod
    def of(cls, limits: Limits, ends_at: float = math.inf) -> "Budget":
        return cls(limits.inflated_bytes, limits.members, ends_at)

    def inflate(self, size_bytes: int) -> None:
        """Take the bytes just inflated from the budget; raises NotExtractedError when it is overdrawn, or time is."""
        self.look_at_the_clock()
        self.inflated_bytes -= size_bytes
        if self.inflated_bytes < 0:
            raise NotExtractedError("inflates_too_much")

    def open_member(self) -> None:
        """Take one member from the budget; raises NotExtractedError when it is overdrawn."""
        self.look_at_the_clock()
        self.members -= 1
        if self.members < 0:
            raise NotExtractedError("too_many_members")

    def left_s(self, most: float) -> float:
        """Return the seconds left for a step that takes at most so many."""
        return max(0.0, min(most, self.ends_at - time.monotonic()))

    def look_at_the_clock(self) -> None:
        """Raise NotExtractedError when the time is over: what was found by then can still be told."""
        if time.monotonic() > self.ends_at:
            raise NotExtractedError("time_out")


@dataclass(frozen=True, slots=True)
class Content:
    """The decoded bytes of an attachment or of a member: in memory, or in a file. At most one of the two is set."""

    content_type: str  # lower case, as declared; "application/octet-stream" if none
    charset: str  # as declared; empty if none
    size_bytes: int
    data: bytes | None = None  # None, with no path: a member that could not be opened, known by its name alone
    path: Path | None = None  # gone when `extract` has returned
    filename: str = ""  # cleaned; may be empty
    budget: Budget = field(default_factory=lambda: Budget.of(Limits()))
    archive: zipfile.ZipFile | None = None  # if it was found to be a ZIP, in memory: see `open_zip`

    def first(self, max_bytes: int) -> bytes:
        """Return the first bytes, at most `max_bytes`."""
        if self.path is None:
            return (self.data or b"")[:max_bytes]
        with self.path.open("rb") as file:
            return file.read(max_bytes)

    def as_type(self, content_type: str, archive: zipfile.ZipFile | None = None) -> "Content":
        """Return the same content under another type, with the archive that it was found to be."""
        return Content(
            content_type, self.charset, self.size_bytes, self.data, self.path, self.filename, self.budget, archive
        )

    def open(self) -> BinaryIO:
        """Open it for reading and seeking; the caller closes it."""
        return io.BytesIO(self.data or b"") if self.path is None else self.path.open("rb")

    def open_zip(self) -> zipfile.ZipFile:
        """Open it as a ZIP, once: what was opened to see what it is is handed on, since reading the directory of an
        archive of small files is a good part of the work. The caller closes it."""
        return self.archive or zipfile.ZipFile(self.path or io.BytesIO(self.data or b""))


class Extractor(Protocol):
    """Takes the text out of one kind of attachment."""

    def extract(self, data: Content, limits: Limits) -> Extraction:
        """Return the text, normalised and cut at `limits.text_chars`, with what else is worth knowing in `metadata`.

        Must hold no more than a small multiple of the limits in memory.
        """
        ...


@runtime_checkable
class Container(Protocol):
    """Opens one kind of attachment that holds others: an archive, a mail."""

    def members(self, data: Content, limits: Limits) -> Iterator[Content]:
        """Yield the members one by one, each with its own name and declared type and with `data.budget`.

        Takes every member and every inflated byte from that budget. Writes no file.
        """
        ...
