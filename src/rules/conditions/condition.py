"""Condition: the role that everything under `when` plays."""

from typing import ClassVar, Protocol, Self

from src.rules.facts import Facts


class Condition(Protocol):
    """One thing that a rule asks of a mail. Made once, when the rules are read; asked for each mail."""

    weight: ClassVar[int]  # what each of its values costs at worst, where a pattern costs 1

    @classmethod
    def read(cls, value: object) -> Self:
        """Return the condition with the value of the file. Raises WrongValueError."""
        ...

    @property
    def needs_attachments(self) -> bool:
        """Whether it can be asked only once the attachments were read; else header, place and size are enough."""
        ...

    def holds(self, facts: Facts) -> bool:
        """Tell whether it is so. Never raises, whatever the mail; its time grows with the mail and the value alone."""
        ...
