"""What the readers of office files hear with: the flow of a text, and single values. They gather within bounds."""

from collections.abc import Mapping
from functools import partial

from src.attachments.office_xml import AtEnd, AtStart, Attributes, EnoughError, Handler


class Pieces:
    """Text as it comes, up to a number of characters. Who adds to it calls `check` after each chunk of the document."""

    def __init__(self, max_chars: int) -> None:
        self._room = max_chars
        self._pieces: list[str] = []
        self._counted = 0
        self.add = self._pieces.append  # called for each piece: a list's own method, since every call counts

    @property
    def is_full(self) -> bool:
        """Tell whether there was room for no more at the last `check`."""
        return self._room <= 0

    def check(self) -> None:
        """Raise EnoughError when there is room for no more."""
        self._room -= sum(map(len, self._pieces[self._counted :]))
        self._counted = len(self._pieces)
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
        self._add = pieces.add
        self._texts = texts
        self._ends = ends
        self._skipped = skipped
        self._open_texts = 0
        self._open_skipped = 0

    def at_start(self, name: str) -> AtStart | None:
        if name in self._skipped:
            return self._begin_skipping
        return self._begin_text if name in self._texts else None

    def text(self, data: str) -> None:
        if self._open_texts and not self._open_skipped:
            self._add(data)

    def at_chunk_end(self) -> None:
        self._pieces.check()

    def at_end(self, name: str) -> AtEnd | None:
        if name in self._skipped:
            return self._end_skipping
        if name in self._texts:
            return partial(self._end_text, self._ends.get(name, ""))
        return partial(self._add_space, self._ends[name]) if name in self._ends else None

    def _begin_skipping(self, _attributes: Attributes) -> None:
        self._open_skipped += 1

    def _end_skipping(self) -> None:
        self._open_skipped -= 1

    def _begin_text(self, _attributes: Attributes) -> None:
        self._open_texts += 1

    def _end_text(self, space: str) -> None:
        self._open_texts -= 1
        if space and not self._open_skipped:
            self._add(space)

    def _add_space(self, space: str) -> None:
        if not self._open_skipped:
            self._add(space)


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
