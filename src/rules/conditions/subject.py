"""`subject`: words of the subject."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from src.rules.conditions.shape import Contains
from src.rules.facts import Facts


@dataclass(frozen=True, slots=True)
class Subject(Contains):
    """The subject contains one of the texts."""

    needs_attachments: ClassVar[bool] = False

    def asked(self, facts: Facts) -> Iterable[str]:
        """See Contains.asked."""
        return (facts.subject,)
