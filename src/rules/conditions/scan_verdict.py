"""`scan`: what the virus scanner said, also that it did not look."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from src.model.extraction import Scan
from src.rules.conditions.shape import IsOneOf
from src.rules.facts import Facts


@dataclass(frozen=True, slots=True)
class ScanVerdict(IsOneOf):
    """The scanner said one of these of an attachment."""

    known: ClassVar[tuple[str, ...]] = tuple(verdict.value for verdict in Scan if verdict is not Scan.OFF)

    def told(self, facts: Facts) -> Iterable[str]:
        """See IsOneOf.told."""
        return (attachment.scan.value for attachment in facts.attachments)
