"""HintLoop: hints that any process stored in Redis → the sources of this process that they are for are woken."""

from collections.abc import Callable

from src.sync.hints import Hints

LISTEN_S = 1.0  # of one wait for hints: a stop is seen after it


class HintLoop:
    """Listens to the hints of all accounts, for a PushThread."""

    def __init__(self, hints: Hints, ring: Callable[[str], None]) -> None:
        """`ring` is told the tag of each account that was hinted at."""
        self._hints = hints
        self._ring = ring
        self._position: str | None = None  # behind the newest hint that was read; hints before the start are old

    def go_round(self) -> None:
        """Wait for hints once. Raises what Redis raises."""
        if self._position is None:
            self._position = self._hints.newest()
        self._position, tags = self._hints.after(self._position, wait_s=LISTEN_S)
        for tag in tags:
            self._ring(tag)

    def interrupt(self) -> None:
        """Nothing to do: a round is short."""
