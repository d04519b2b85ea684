"""`skipped_reason`: why an attachment's text was not, or not wholly, taken out."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from src.rules.conditions.shape import Matches
from src.rules.facts import Facts


@dataclass(frozen=True, slots=True)
class SkippedReason(Matches):
    """The reason of an attachment is as one of the patterns."""

    needs_attachments: ClassVar[bool] = True

    def asked(self, facts: Facts) -> Iterable[str]:
        """See Matches.asked."""
        return [attachment.extraction.reason for attachment in facts.attachments if attachment.extraction.reason]
