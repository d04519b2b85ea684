"""`infected`: the virus scanner found something, in an attachment or in what is packed inside one."""

from dataclasses import dataclass
from typing import ClassVar

from src.model.extraction import Scan
from src.rules.conditions.shape import IsSo
from src.rules.facts import Facts


@dataclass(frozen=True, slots=True)
class Infected(IsSo):
    """Whether any attachment is infected."""

    needs_attachments: ClassVar[bool] = True

    def is_so(self, facts: Facts) -> bool:
        """See IsSo.is_so."""
        return any(attachment.scan is Scan.INFECTED for attachment in facts.attachments)
