"""Action: the role that everything under `then` plays.

An action is made of its options once, when the rules are read; so all mistakes are found then, and applying it cannot
fail. It only says what is to become of a mail: whoever holds the decision carries it out.
"""

from typing import Protocol, Self

from src.model.decision import Decision
from src.model.message import Message


class Action(Protocol):
    """One thing that a rule does."""

    @classmethod
    def read(cls, options: object) -> Self:
        """Return the action with the options of the file. Raises WrongValueError."""
        ...

    def apply(self, message: Message, decision: Decision) -> Decision:
        """Return the decision with what this action adds. Pure: never raises, changes nothing else."""
        ...
