"""`attachment_outcome`: how the extraction of an attachment's text ended."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from src.model.extraction import Extracted
from src.rules.conditions.shape import IsOneOf
from src.rules.facts import Facts


@dataclass(frozen=True, slots=True)
class AttachmentOutcome(IsOneOf):
    """An attachment ended in one of these ways."""

    known: ClassVar[tuple[str, ...]] = tuple(outcome.value for outcome in Extracted)

    def told(self, facts: Facts) -> Iterable[str]:
        """See IsOneOf.told."""
        return (attachment.extraction.outcome.value for attachment in facts.attachments)
