"""Reading office files: members of a ZIP, streamed through expat. Nothing is built up, nothing is written.

What is inflated is counted on the attachment's budget as it comes, whatever the ZIP's directory claims. A DOCTYPE is
refused (no office program writes one): with it go external entities and those that multiply. Depth is bounded.
"""

import time
import zipfile
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import IO
from xml.parsers import expat

from src.attachments.extractor import Content, NotExtractedError
from src.attachments.limits import Limits
from src.model.extraction import Extracted

CHUNK_BYTES = 64 * 1024

Attributes = Mapping[str, str]


class Handler:
    """Hears of the elements of a document, by their local names (prefixes and namespaces vary)."""

    def start(self, name: str, attributes: Attributes) -> None:
        """An element begins."""

    def text(self, data: str) -> None:
        """A piece of text."""

    def end(self, name: str) -> None:
        """An element ends."""


class EnoughError(Exception):
    """Raised by a handler that has all it wants; reading stops without harm."""


class OfficeZip:
    """An office file, open for reading its members."""

    def __init__(self, content: Content, limits: Limits) -> None:
        self._content = content
        self._limits = limits
        self._ends_at = time.monotonic() + limits.seconds  # the sandbox waits longer, for archives that look like it
        self._file = content.open()
        self._zip = zipfile.ZipFile(self._file)
        self.names = frozenset(self._zip.namelist())

    def __enter__(self) -> "OfficeZip":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()
        self._file.close()

    def read_xml(self, name: str, handler: Handler) -> None:
        """Stream a member through `handler`; a missing one is passed over."""
        if name not in self.names:
            return
        parser = _parser(handler, self._limits.xml_depth)
        try:
            for chunk in self.chunks(name):
                parser.Parse(chunk, False)
            parser.Parse(b"", True)
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


def _parser(handler: Handler, max_depth: int) -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > max_depth:
            raise NotExtractedError("nested_too_deep")
        handler.start(_local(name), {_local(key): value for key, value in attributes.items()})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        handler.end(_local(name))

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = handler.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return parser


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def _refuse_doctype(*_declared: object) -> None:
    raise NotExtractedError("doctype_refused")


class Pieces:
    """Text as it comes, up to a number of characters."""

    def __init__(self, max_chars: int) -> None:
        self._room = max_chars
        self._pieces: list[str] = []

    @property
    def is_full(self) -> bool:
        return self._room <= 0

    def add(self, piece: str) -> None:
        """Add a piece; raises EnoughError when there is room for no more."""
        self._pieces.append(piece)
        self._room -= len(piece)
        if self.is_full:
            raise EnoughError

    def joined(self) -> str:
        return "".join(self._pieces)


class FlowHandler(Handler):
    """Takes the text of some elements, and white space where others end."""

    def __init__(
        self, pieces: Pieces, *, texts: frozenset[str], ends: Mapping[str, str], skipped: frozenset[str] = frozenset()
    ) -> None:
        """`texts`: whose text is taken; `ends`: what stands for the end of an element; `skipped`: taken with nothing
        inside. Elements in both `texts` and `ends` are fine."""
        self._pieces = pieces
        self._texts = texts
        self._ends = ends
        self._skipped = skipped
        self._open_texts = 0
        self._open_skipped = 0

    def start(self, name: str, attributes: Attributes) -> None:  # noqa: ARG002
        if name in self._skipped:
            self._open_skipped += 1
        elif name in self._texts:
            self._open_texts += 1

    def text(self, data: str) -> None:
        if self._open_texts and not self._open_skipped:
            self._pieces.add(data)

    def end(self, name: str) -> None:
        if name in self._skipped:
            self._open_skipped -= 1
        elif name in self._texts:
            self._open_texts -= 1
        if not self._open_skipped and name in self._ends:
            self._pieces.add(self._ends[name])


class ValuesHandler(Handler):
    """Takes the first text of each element that is asked for, such as the properties of a document."""

    def __init__(self, wanted: Mapping[str, str]) -> None:
        """`wanted`: local name of the element to the name under which its text is kept."""
        self._wanted = wanted
        self._name = ""
        self.found: dict[str, str | int] = {}

    def start(self, name: str, attributes: Attributes) -> None:  # noqa: ARG002
        self._name = self._wanted.get(name, "")

    def text(self, data: str) -> None:
        if self._name:
            self.found.setdefault(self._name, data)

    def end(self, name: str) -> None:  # noqa: ARG002
        self._name = ""


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
