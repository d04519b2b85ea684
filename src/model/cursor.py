"""Cursor, Batch, Failure: how far a source has been read, and what one step of reading brought."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from src.model.envelope import Envelope

_EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far one mailbox has been read: short texts, one Redis key each (`producer_state:{user}:{mailbox}:{name}`).

    An empty cursor means that nothing is known, not that nothing was read: see "A lost cursor" in docs/architecture.md.
    """

    values: Mapping[str, str] = field(default_factory=lambda: _EMPTY)

    def get_int(self, name: str, default: int = 0) -> int:
        """Return the whole number under `name`; `default` if missing or not a number (operators edit these by hand)."""
        text = self.values.get(name, "")
        return int(text) if text.isascii() and text.isdigit() else default

    def moved(self, **changes: str | int) -> "Cursor":
        """Return a cursor with these values changed."""
        return Cursor({**self.values, **{name: str(value) for name, value in changes.items()}})


@dataclass(frozen=True, slots=True)
class Failure:
    """A mail that the source has but cannot give: it goes to the dead letters, and the cursor may pass it."""

    envelope: Envelope  # ADDED; with raw only if the dead letter shall keep it, so that it can be replayed
    code: str  # of a permanent error in src/common/errors.py
    error: str  # redacted text


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step of reading brought. `cursor` may be stored only together with all of the batch."""

    cursor: Cursor  # as it stands once everything in this batch is published
    envelopes: tuple[Envelope, ...] = ()
    failures: tuple[Failure, ...] = ()
    caught_up: bool = False  # nothing more to read just now
    remaining: int | None = None  # mails still to come after this batch, for the ETA; None: not known
