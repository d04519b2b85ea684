"""`text`: words of the body or of what was taken out of the attachments."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from src.rules.conditions.shape import Contains
from src.rules.facts import Facts


@dataclass(frozen=True, slots=True)
class Text(Contains):
    """The body or an attachment contains one of the texts."""

    weight: ClassVar[int] = 10  # of 11 MB, which one mail may hold, 6 ms each
    needs_attachments: ClassVar[bool] = True

    def asked(self, facts: Facts) -> Iterable[str]:
        """See Contains.asked."""
        return facts.texts
