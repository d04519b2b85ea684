"""Reading office files: members of a ZIP, streamed through expat. Nothing is built up, nothing is written.

What is inflated is counted on the attachment's budget as it comes, whatever the ZIP's directory claims.
"""

import time
from collections.abc import Iterator
from types import TracebackType
from typing import IO

from src.attachments.extractor import Content, NotExtractedError
from src.attachments.limits import Limits
from src.attachments.office_text import ValuesHandler
from src.attachments.office_xml import EnoughError, Handler, Parser
from src.model.extraction import Extracted

CHUNK_BYTES = 64 * 1024


class OfficeZip:
    """An office file, open for reading its members."""

    def __init__(self, content: Content, limits: Limits) -> None:
        self._content = content
        self._limits = limits
        self._ends_at = time.monotonic() + limits.seconds  # the sandbox waits longer, for archives that look like it
        self._zip = content.open_zip()
        self.names = frozenset(self._zip.namelist())

    def __enter__(self) -> "OfficeZip":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def read_xml(self, name: str, handler: Handler) -> None:
        """Stream a member through `handler`; a missing one is passed over."""
        if name not in self.names:
            return
        parser = Parser(handler, self._limits.xml_depth)
        try:
            for chunk in self.chunks(name):
                parser.parse(chunk)
            parser.parse(b"", is_last=True)
        except EnoughError:
            return

    def read(self, name: str, max_bytes: int) -> bytes:
        """Return the first bytes of a member; empty if it is missing."""
        found = b""
        for chunk in self.chunks(name) if name in self.names else ():
            found += chunk
            if len(found) >= max_bytes:
                break
        return found[:max_bytes]

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield a member as it is inflated, counted on the budget."""
        self._content.budget.open_member()
        with self._opened(name) as member:
            while chunk := member.read(CHUNK_BYTES):
                if time.monotonic() > self._ends_at:
                    raise NotExtractedError("time_out")
                self._content.budget.inflate(len(chunk))
                yield chunk

    def _opened(self, name: str) -> IO[bytes]:
        try:
            return self._zip.open(name)
        except RuntimeError as error:  # what zipfile raises for a member that needs a password
            raise NotExtractedError("encrypted", outcome=Extracted.SKIPPED) from error


CORE_PROPERTIES = {
    "title": "title",
    "creator": "author",
    "initial-creator": "author",
    "created": "created",
    "creation-date": "created",
    "modified": "modified",
    "language": "language",
}


def properties(archive: OfficeZip, member: str) -> dict[str, str | int]:
    """Return title, author and dates from the member that holds them."""
    handler = ValuesHandler(CORE_PROPERTIES)
    archive.read_xml(member, handler)
    return handler.found
