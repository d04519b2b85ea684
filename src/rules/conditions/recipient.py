"""`to`: the bare address of anybody the mail is for, in To, Cc or Bcc."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from src.rules.conditions.shape import Matches
from src.rules.facts import Facts


@dataclass(frozen=True, slots=True)
class Recipient(Matches):
    """The address of a recipient is as one of the patterns."""

    needs_attachments: ClassVar[bool] = False

    def asked(self, facts: Facts) -> Iterable[str]:
        """See Matches.asked."""
        return facts.recipients
