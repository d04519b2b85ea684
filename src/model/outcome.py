"""Outcome: how the work on one ticket ended. Closed: whoever handles an Outcome handles all four."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Done:
    """Stored, to be settled."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Needs no storing, to be settled all the same."""

    reason: str  # a stable slug, the metric label


@dataclass(frozen=True, slots=True)
class Retry:
    """A temporary fault: try again after a wait."""

    delay_s: float
    code: str  # of the error
    error: str  # redacted text
    counts: bool = True  # as one of the mail's tries; False for a fault of the surroundings


@dataclass(frozen=True, slots=True)
class Dead:
    """A permanent fault, or the tries are used up: to the dead letters, with the raw mail."""

    code: str  # of the error
    error: str  # redacted text


Outcome = Done | Skipped | Retry | Dead
