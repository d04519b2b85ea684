"""What is kept of one attachment: its name, type, size, hash, text and outcome. Never its bytes.

Up to 10 MB it is decoded in memory; up to 50 MB in slices, into a temporary file; above that it is never decoded. Then:

    scan        if a scanner is set up; nothing is read of what is infected
    reuse       a text that was taken out of the same bytes in the same way
    read        text and HTML at once; everything else by the sandbox, in a child process, which has to be waited for

Whatever happens there, the mail is stored.
"""

import hashlib
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Protocol

from src.attachments import temp_files
from src.attachments.extractor import Budget, Content
from src.attachments.kept import TOO_LARGE, Found, counted, described, never_decoded
from src.attachments.limits import DEFAULT, MB, Limits
from src.attachments.registry import VERSION, line_for, outcome_unread
from src.attachments.reuse import Reuse
from src.attachments.scan import Scanner
from src.attachments.sniff import BZIP2, GZIP, HEAD_BYTES, OLE, TNEF, XZ, ZIP, media_type_of
from src.attachments.take_out import take_out
from src.attachments.tally import Tally
from src.model.extraction import Attachment, AttachmentPart, Extracted, Extraction, Scan
from src.text.normalise import cut

READ_AT_ONCE_BYTES = MB  # text up to this is read by the worker itself: some 10 ms
LOOKED_AT_BYTES = 64 * 1024  # up to this it costs nothing to see whether a part is what it is declared to be
# What may be, or hold, pictures that are read by OCR, and is given the time for it.
PICTURES = ("image/", "application/pdf", ZIP, OLE, TNEF, "application/x-tar", GZIP, BZIP2, XZ, "message/rfc822")


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

    def __init__(
        self,
        sandbox: Sandbox,
        limits: Limits = DEFAULT,
        temp_dir: Path | None = None,
        *,
        scanner: Scanner | None = None,
        reuse: Reuse | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._limits = limits
        self._temp_dir = temp_dir
        self._scanner = scanner
        self._reuse = reuse or Reuse()
        self._way = way_of_reading(limits)

    def now(self, part: AttachmentPart) -> Attachment | None:
        """Return what is stored of a part that is quickly read; None for one that `keep` has to wait for."""
        began = time.perf_counter()
        if part.estimated_size_bytes > self._limits.decoded_bytes:
            return counted(never_decoded(part), began)
        is_quick = part.estimated_size_bytes <= min(READ_AT_ONCE_BYTES, self._limits.memory_bytes)
        if self._scanner is not None or not is_quick:
            return None
        if part.estimated_size_bytes > LOOKED_AT_BYTES and _is_declared_for_sandbox(part):
            return None
        found = self._in_memory(part, lambda content, sha256: self._at_hand(part, content, sha256))
        return counted(found, began) if found else None

    def keep(self, part: AttachmentPart) -> Attachment:
        """Return what is stored of `part`. Blocks while its text is taken out, within the limits.

        Raises TempSpaceError, SandboxUnavailableError or ScannerUnavailableError (all temporary).
        """
        began = time.perf_counter()
        if part.estimated_size_bytes > self._limits.decoded_bytes:
            return counted(never_decoded(part), began)
        if part.estimated_size_bytes > self._limits.memory_bytes:
            return counted(self._in_slices(part), began)
        found = self._in_memory(part, lambda content, sha256: self._found(part, content, sha256))
        assert found is not None
        return counted(found, began)

    def leave(self, part: AttachmentPart, reason: str) -> Attachment:
        """Return what is stored of a part whose text is not taken out, for `reason`."""
        began = time.perf_counter()
        if part.estimated_size_bytes > self._limits.decoded_bytes:
            return counted(never_decoded(part), began)
        tally = Tally(part.decode_slices(), self._limits.decoded_bytes)
        tally.finish()
        left = self._made(Extraction(Extracted.SKIPPED, reason=reason), "left")
        if self._scanner:
            left = left._replace(scan=Scan.UNSCANNED)
        return counted(described(part, tally.size_bytes, tally.sha256, left), began)

    def close(self) -> None:
        """End the sandbox and what is being scanned, so that those who wait for it remove their temporary files."""
        if self._scanner is not None:
            self._scanner.close()
        self._sandbox.close()

    def _in_memory(self, part: AttachmentPart, look: Callable[[Content, str], Found | None]) -> Attachment | None:
        data = part.decode()
        sha256 = hashlib.sha256(data).hexdigest()
        found = look(_content(part, len(data), self._limits, data=data), sha256)
        return described(part, len(data), sha256, found) if found else None

    def _in_slices(self, part: AttachmentPart) -> Attachment:
        slices = part.decode_slices()
        first = next(slices, b"")
        tally = Tally(chain((first,), slices), self._limits.decoded_bytes)
        found = None if self._scanner else self._without_its_bytes(part, first)
        if found is None:
            found = self._from_file(part, tally)
        else:
            tally.finish()
        return described(part, tally.size_bytes, tally.sha256, Found(TOO_LARGE) if tally.is_too_large else found)

    def _without_its_bytes(self, part: AttachmentPart, first: bytes) -> Found | None:
        """Return what is known of a part that needs no file, since no reader wants it or its text is known."""
        known = self._known(part)
        if known is not None:
            return known
        media_type = media_type_of(first, part.content_type, part.filename)
        line = line_for(media_type)
        return self._made(outcome_unread(line), media_type) if line is None or line.reader is None else None

    def _from_file(self, part: AttachmentPart, tally: Tally) -> Found:
        with temp_files.written(tally, self._temp_dir or temp_files.own_folder()) as path:
            if tally.is_too_large:
                return Found(TOO_LARGE)
            return self._found(part, _content(part, tally.size_bytes, self._limits, path=path), tally.sha256)

    def _found(self, part: AttachmentPart, content: Content, sha256: str) -> Found:
        """Scan it, and find its text."""
        scanned = self._scanner.scan(content) if self._scanner else None
        if scanned is not None and scanned.verdict is Scan.INFECTED:
            infected = Extraction(Extracted.SKIPPED, reason="infected", metadata={"signature": scanned.signature})
            return self._made(infected, "infected")._replace(scan=Scan.INFECTED)
        found = self._at_hand(part, content, sha256) or self._from_elsewhere(content, sha256)
        return found._replace(scan=scanned.verdict) if scanned else found

    def _at_hand(self, part: AttachmentPart, content: Content, sha256: str) -> Found | None:
        """Return what is found without waiting for anyone; None for what has to be waited for."""
        known = self._known(part)
        if known is not None:
            return known
        media_type = _media_type(content)
        line = line_for(media_type)
        if line is None or line.reader is None:
            return self._made(outcome_unread(line), media_type)
        if line.here:
            return self._made(take_out(content, self._limits), media_type)
        recipe = self._recipe(media_type)
        reused = self._reuse.at_hand(sha256, recipe)
        return Found(reused, recipe) if reused else None

    def _from_elsewhere(self, content: Content, sha256: str) -> Found:
        """Return what is in the database of the same bytes, or have the sandbox read them."""
        media_type = _media_type(content)
        recipe = self._recipe(media_type)
        extraction = self._reuse.find(sha256, recipe)
        if extraction is None:
            seconds = self._limits.seconds + (self._limits.ocr.seconds if media_type.startswith(PICTURES) else 0.0)
            extraction = self._sandbox.take_out(content, self._limits, seconds)
            self._reuse.remember(sha256, recipe, extraction)
        return Found(extraction, recipe)

    def _known(self, part: AttachmentPart) -> Found | None:
        """Return the text that the mail's parser knows already (of a nested mail); None if it knows none."""
        if part.known_text is None:
            return None
        text, was_cut = cut(part.known_text, self._limits.text_chars)
        known = Extraction(Extracted.TEXT, text=text, truncated=was_cut) if text else Extraction(Extracted.EMPTY)
        return self._made(known, "parsed")

    def _made(self, extraction: Extraction, taken_for: str) -> Found:
        return Found(extraction, self._recipe(taken_for))

    def _recipe(self, taken_for: str) -> str:
        return f"{taken_for} {self._way}"


def way_of_reading(limits: Limits) -> str:
    """Return the end of the recipe of all that is read by this release within `limits`."""
    return limits.recipe(VERSION)


def _is_declared_for_sandbox(part: AttachmentPart) -> bool:
    """Tell whether a part, if it is what it is declared to be, has to be waited for; if not, it may wait as well."""
    line = line_for(part.content_type)
    return part.known_text is None and line is not None and line.reader is not None and not line.here


def _media_type(content: Content) -> str:
    return media_type_of(content.first(HEAD_BYTES), content.content_type, content.filename)


def _content(
    part: AttachmentPart, size_bytes: int, limits: Limits, *, data: bytes | None = None, path: Path | None = None
) -> Content:
    return Content(
        part.content_type,
        part.charset,
        size_bytes,
        data=data,
        path=path,
        filename=part.filename,
        budget=Budget.of(limits),
    )
