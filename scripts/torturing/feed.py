"""Feed: where the mails of a fault run come from, who brings them, and what must be true of them at the end."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from config.settings import Settings
from scripts.torturing.actor import Actor

ROOT = Path(__file__).resolve().parents[2]


class Feed(Protocol):
    """Used for one run, from one thread: `begin`, `stir` again and again, `calm_down`, `findings`, `close`."""

    @property
    def bringers(self) -> Sequence[Actor]:
        """The processes that bring the mails, one after the other: the last one does now. Filled by `begin`."""
        ...

    def begin(self, environment: Mapping[str, str], log: Path) -> None:
        """Make the mails and the first of the bringers, not started yet; `environment` and `log` are for it."""
        ...

    def stir(self, through: int) -> None:
        """Go on with what happens at the source; `through` mails and changes have come to their end."""
        ...

    def is_over(self) -> bool:
        """Tell whether all was brought that will be."""
        ...

    def calm_down(self) -> None:
        """Nothing happens at the source any more; the rest is brought."""
        ...

    def findings(self, settings: Settings) -> list[str]:
        """Return which promises were broken, by comparing with the source."""
        ...

    def tallies(self) -> dict[str, int]:
        """Return what is worth knowing of the source."""
        ...

    def close(self) -> None:
        """End what `begin` started. May be called without it."""
        ...
