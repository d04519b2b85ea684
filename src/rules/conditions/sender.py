"""`from`: the bare address of who wrote the mail."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from src.rules.conditions.shape import Matches
from src.rules.facts import Facts


@dataclass(frozen=True, slots=True)
class Sender(Matches):
    """The sender's address is as one of the patterns."""

    needs_attachments: ClassVar[bool] = False

    def asked(self, facts: Facts) -> Iterable[str]:
        """See Matches.asked."""
        return facts.sender
