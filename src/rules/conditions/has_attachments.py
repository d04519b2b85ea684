"""`has_attachments`: whether something is attached; pictures that the text shows inline do not count."""

from dataclasses import dataclass
from typing import ClassVar

from src.rules.conditions.shape import IsSo
from src.rules.facts import Facts


@dataclass(frozen=True, slots=True)
class HasAttachments(IsSo):
    """Whether any attachment is not inline."""

    needs_attachments: ClassVar[bool] = True

    def is_so(self, facts: Facts) -> bool:
        """See IsSo.is_so."""
        return not all(attachment.is_inline for attachment in facts.attachments)
