"""Interruption: what ends the naps of a Gmail source from another thread, a stop that was asked for or a hint.

A stop ends every nap, and with it the call that waits. A hint ends only the wait for the next poll; one that comes
while the source is reading is kept, and the next wait, or the next look at the history, takes it.
"""

import threading

from src.common.errors import SourceUnavailableError


class Interruption:
    """Thread-safe; one source naps, others ask and hint."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._is_asked = False
        self._is_hinted = False

    def sleep(self, seconds: float) -> None:
        """Wait. Raises SourceUnavailableError when asked to end."""
        with self._changed:
            if self._changed.wait_for(lambda: self._is_asked, max(seconds, 0.0)):
                raise SourceUnavailableError("reading was interrupted; it goes on where it stopped")

    def wait(self, seconds: float) -> None:
        """Wait, or end early when asked to or by a hint, also one that came before."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_asked or self._is_hinted, seconds)
            self._is_hinted = False

    def ask(self) -> None:
        """Have all naps end."""
        with self._changed:
            self._is_asked = True
            self._changed.notify_all()

    def hint(self) -> None:
        """Say that something may be new."""
        with self._changed:
            self._is_hinted = True
            self._changed.notify_all()

    def take_hint(self) -> bool:
        """Return whether something may be new, and forget it: to be called before looking, never after."""
        with self._changed:
            was_hinted, self._is_hinted = self._is_hinted, False
            return was_hinted

    def clear(self) -> None:
        """Forget that an end was asked for."""
        with self._changed:
            self._is_asked = False
