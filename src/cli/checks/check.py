"""Check: one thing that `doctor` looked at."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What a check means for the pipeline."""

    GREEN = "green"  # as it should be
    YELLOW = "yellow"  # works, but an operator should know
    RED = "red"  # does not work, or may lose mail


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    area: str  # redis, database, sign-in, push, machine, attachments, rules
    name: str
    state: State
    found: str  # never a secret
    mend: str = ""  # what to do; empty when green


def green(area: str, name: str, found: str) -> Check:
    """Return a check that is well."""
    return Check(area, name, State.GREEN, found)


def yellow(area: str, name: str, found: str, mend: str) -> Check:
    """Return a check that an operator should know of."""
    return Check(area, name, State.YELLOW, found, mend)


def red(area: str, name: str, found: str, mend: str) -> Check:
    """Return a check that must be mended."""
    return Check(area, name, State.RED, found, mend)


def judged(area: str, name: str, *, is_ok: bool, found: str, mend: str) -> Check:
    """Return a green or a red check."""
    return green(area, name, found) if is_ok else red(area, name, found, mend)
