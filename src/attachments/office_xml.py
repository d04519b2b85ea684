"""Streaming XML: a document goes through expat chunk by chunk, a handler hears of its elements, nothing is built up.

A DOCTYPE is refused (no office program writes one): with it go external entities and those that multiply. Depth is
bounded.
"""

from collections.abc import Callable, Mapping
from xml.parsers import expat

from src.attachments.extractor import NotExtractedError

Attributes = Mapping[str, str]
AtStart = Callable[[dict[str, str]], None]
AtEnd = Callable[[], None]


class Handler:
    """Hears of the elements of a document, by their local names (prefixes and namespaces vary).

    Spreadsheets have millions of elements, so that every look-up and call counts. A handler of large documents tells
    once for each name what is to be called (`at_start`, `at_end`); others hear of all in `start` and `end`.
    """

    def start(self, name: str, attributes: Attributes) -> None:
        """An element begins; its attributes by their local names."""

    def text(self, data: str) -> None:
        """A piece of text."""

    def end(self, name: str) -> None:
        """An element ends."""

    def at_chunk_end(self) -> None:
        """A piece of the document has been told of: the moment to look at what was gathered, and raise EnoughError."""

    def text_sink(self) -> Callable[[str], object]:
        """Return what is called with each piece of text."""
        return self.text

    def at_start(self, name: str) -> AtStart | None:
        """Return what is called when an element of this name begins, with its attributes as written; None: nothing."""
        return lambda attributes: self.start(name, _with_local_names(attributes))

    def at_end(self, name: str) -> AtEnd | None:
        """Return what is called when an element of this name ends; None: nothing."""
        return lambda: self.end(name)


class EnoughError(Exception):
    """Raised by a handler that has all it wants; reading stops without harm."""


class Parser:
    """Tells a handler what it hears of, chunk by chunk. All else is only counted, for the depth.

    Prefixes are cut off here, as text: that expat resolves them costs a third more, and nothing asks where they lead.
    Depth is looked at after each chunk, which bounds memory as well as a look at each element, and costs nothing.
    """

    def __init__(self, handler: Handler, max_depth: int) -> None:
        self._max_depth = max_depth
        self._handler = handler
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler, self._parser.EndElementHandler, self._depth = _callbacks(handler)
        self._parser.CharacterDataHandler = handler.text_sink()
        self._parser.StartDoctypeDeclHandler = _refuse_doctype

    def parse(self, chunk: bytes, *, is_last: bool = False) -> None:
        """Tell of the next chunk. Raises EnoughError, NotExtractedError, or expat's error."""
        self._parser.Parse(chunk, is_last)
        self._handler.at_chunk_end()
        if self._depth() > self._max_depth:
            raise NotExtractedError("nested_too_deep")


def _callbacks(
    handler: Handler,
) -> tuple[Callable[[str, dict[str, str]], None], Callable[[str], None], Callable[[], int]]:
    """Return what expat calls for the start and the end of an element, by its name as it is written, and what tells the
    depth. All three share their variables, which costs less than an object's attributes."""
    depth = 0
    starts: dict[str, AtStart | None] = {}  # learnt as names come
    ends: dict[str, AtEnd | None] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        try:
            action = starts[name]
        except KeyError:
            local = _local(name)
            action = starts[name] = handler.at_start(local)
            ends[name] = handler.at_end(local)
        if action is not None:
            action(attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        action = ends[name]
        if action is not None:
            action()

    return start, end, lambda: depth


def _with_local_names(attributes: dict[str, str]) -> dict[str, str]:
    if ":" not in "".join(attributes):  # as in nearly all elements of a spreadsheet
        return attributes
    return {_local(key): value for key, value in attributes.items() if not key.startswith("xmlns")}


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _refuse_doctype(*_declared: object) -> None:
    raise NotExtractedError("doctype_refused")
