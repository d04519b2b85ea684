"""Conditions of conditions: all of them, any of them, not all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from src.rules.facts import Facts


class Asked(Protocol):
    """What a rule asks of a mail: a condition, or some of them combined."""

    @property
    def needs_attachments(self) -> bool:
        """Whether it can be asked only once the attachments were read."""
        ...

    def holds(self, facts: Facts) -> bool:
        """Tell whether it is so. Never raises."""
        ...


@dataclass(frozen=True, slots=True)
class AllOf:
    """All of them hold."""

    parts: Sequence[Asked]

    @property
    def needs_attachments(self) -> bool:
        """See Asked.needs_attachments."""
        return any(part.needs_attachments for part in self.parts)

    def holds(self, facts: Facts) -> bool:
        """See Asked.holds."""
        return all(part.holds(facts) for part in self.parts)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of them holds."""

    parts: Sequence[Asked]

    @property
    def needs_attachments(self) -> bool:
        """See Asked.needs_attachments."""
        return any(part.needs_attachments for part in self.parts)

    def holds(self, facts: Facts) -> bool:
        """See Asked.holds."""
        return any(part.holds(facts) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    """It does not hold."""

    part: Asked

    @property
    def needs_attachments(self) -> bool:
        """See Asked.needs_attachments."""
        return self.part.needs_attachments

    def holds(self, facts: Facts) -> bool:
        """See Asked.holds."""
        return not self.part.holds(facts)
