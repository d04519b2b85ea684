"""`larger_than`: the size of the raw mail, in bytes, or with a unit as in `"10MB"`."""

import re
from dataclasses import dataclass
from typing import ClassVar, Self

from config.toml_values import WrongValueError, kind_of
from src.rules.facts import Facts

UNITS = {"B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}  # as everywhere here: 1 MB is 1,048,576 bytes
MOST_BYTES = 2**63 - 1  # what a database and JSON can hold
_SIZE = re.compile(r"(\d{1,12}) ?([KMG]?B)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LargerThan:
    """The raw mail has more bytes than that."""

    weight: ClassVar[int] = 1
    needs_attachments: ClassVar[bool] = False
    size_bytes: int

    @classmethod
    def read(cls, value: object) -> Self:
        """Return the condition with the value of the file. Raises WrongValueError."""
        if isinstance(value, str) and (found := _SIZE.fullmatch(value.strip())):
            return cls(int(found[1]) * UNITS[found[2].upper()])
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_BYTES:
            return cls(value)
        raise WrongValueError(f'expected bytes, or a size such as "10MB", found {kind_of(value)}')

    def holds(self, facts: Facts) -> bool:
        """See Condition.holds."""
        return facts.size_bytes > self.size_bytes
