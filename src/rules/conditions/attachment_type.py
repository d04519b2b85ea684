"""`attachment_type`: the media type that an attachment is declared to be of."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from src.rules.conditions.shape import Matches
from src.rules.facts import Facts


@dataclass(frozen=True, slots=True)
class AttachmentType(Matches):
    """The media type of an attachment is as one of the patterns."""

    needs_attachments: ClassVar[bool] = True

    def asked(self, facts: Facts) -> Iterable[str]:
        """See Matches.asked."""
        return facts.media_types
