"""The shapes in which most conditions come: yes or no, patterns, texts that are contained, words of a list.

A condition says what it asks of the facts; its shape reads the value in the file, and compares.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Self

from config.toml_values import WrongValueError, one_of, texts, truth
from src.rules.facts import Facts
from src.rules.folding import folded
from src.rules.glob import Glob

MOST_TEXTS = 100  # of one condition; more are several rules, which share what can be shared
MOST_PATTERN_CHARS = 1_000  # of one pattern or text: no address, name or phrase is longer
MOST_STARS = 10  # of one pattern; the text between two is looked for in each of a mail's 4,000 recipients


@dataclass(frozen=True, slots=True)
class IsSo(ABC):
    """`true` or `false`: whether something is so, or is not."""

    weight: ClassVar[int] = 1
    needs_attachments: ClassVar[bool]
    wanted: bool

    @classmethod
    def read(cls, value: object) -> Self:
        """Return the condition with the value of the file. Raises WrongValueError."""
        return cls(truth(value))

    def holds(self, facts: Facts) -> bool:
        """See Condition.holds."""
        return self.is_so(facts) is self.wanted

    @abstractmethod
    def is_so(self, facts: Facts) -> bool:
        """Tell whether it is."""


@dataclass(frozen=True, slots=True)
class Matches(ABC):
    """A pattern, or a list of them: any of them is as any of the texts."""

    weight: ClassVar[int] = 1
    needs_attachments: ClassVar[bool]
    patterns: tuple[Glob, ...]

    @classmethod
    def read(cls, value: object) -> Self:
        """Return the condition with the value of the file. Raises WrongValueError."""
        found = texts(value, what="a pattern", most=MOST_TEXTS, most_chars=MOST_PATTERN_CHARS)
        if any(pattern.count("*") > MOST_STARS for pattern in found):
            raise WrongValueError(f"expected a pattern with at most {MOST_STARS} stars")
        return cls(tuple(map(Glob.of, found)))

    def holds(self, facts: Facts) -> bool:
        """See Condition.holds."""
        return any(pattern.matches(text) for text in self.asked(facts) for pattern in self.patterns)

    @abstractmethod
    def asked(self, facts: Facts) -> Iterable[str]:
        """Return the texts that are compared."""


@dataclass(frozen=True, slots=True)
class Contains(ABC):
    """A text, or a list of them: any of them is somewhere in any of the mail's texts."""

    weight: ClassVar[int] = 1
    needs_attachments: ClassVar[bool]
    wanted: tuple[str, ...]

    @classmethod
    def read(cls, value: object) -> Self:
        """Return the condition with the value of the file. Raises WrongValueError."""
        found = texts(value, what="a text to look for", most=MOST_TEXTS, most_chars=MOST_PATTERN_CHARS)
        return cls(tuple(map(folded, found)))

    def holds(self, facts: Facts) -> bool:
        """See Condition.holds."""
        return any(wanted in text for text in self.asked(facts) for wanted in self.wanted)

    @abstractmethod
    def asked(self, facts: Facts) -> Iterable[str]:
        """Return the texts that are looked through."""


@dataclass(frozen=True, slots=True)
class IsOneOf(ABC):
    """A word, or a list of them, of those there are: any of them is told of any of the attachments."""

    weight: ClassVar[int] = 1
    needs_attachments: ClassVar[bool] = True
    known: ClassVar[tuple[str, ...]]
    wanted: tuple[str, ...]

    @classmethod
    def read(cls, value: object) -> Self:
        """Return the condition with the value of the file. Raises WrongValueError."""
        return cls(one_of(value, cls.known))

    def holds(self, facts: Facts) -> bool:
        """See Condition.holds."""
        return any(word in self.wanted for word in self.told(facts))

    @abstractmethod
    def told(self, facts: Facts) -> Iterable[str]:
        """Return what is told of the attachments."""
