"""Glob: a pattern in which `*` stands for any text, also none. Nothing else is special, and case does not count.

No regular expressions, and no `fnmatch`, which makes one: a pattern with many stars may take such a matcher exponential
or quadratic time on a text made for it. Here each piece between two stars is looked for once, from where the one before
ended, and the first place found is the right one, since a later place leaves less room for the rest. So the time grows
with the lengths of text and pattern, never with their product.
"""

from dataclasses import dataclass
from typing import Self

from src.rules.folding import folded


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern, ready to be compared."""

    first: str  # what a text begins with; the whole pattern when it has no star
    middle: tuple[str, ...]  # what comes in between, in this order
    last: str | None  # what it ends with; None: there is no star

    @classmethod
    def of(cls, pattern: str) -> Self:
        """Return the pattern that is written so."""
        first, *others = folded(pattern).split("*")
        if not others:
            return cls(first, (), None)
        *middle, last = others
        return cls(first, tuple(filter(None, middle)), last)

    def matches(self, text: str) -> bool:
        """Tell whether the whole of a folded text is as the pattern says."""
        if self.last is None:
            return text == self.first
        if not text.startswith(self.first):
            return False
        at = len(self.first)
        for piece in self.middle:
            at = text.find(piece, at)
            if at < 0:
                return False
            at += len(piece)
        return len(text) - at >= len(self.last) and text.endswith(self.last)
