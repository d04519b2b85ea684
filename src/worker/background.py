"""Background: a thread of its own that does one thing again and again, and says how it went.

The renewer, the maintenance and the watchdog run like this, so that a main loop which is busy for long, or stuck, does
not hold them up.
"""

import threading
from collections.abc import Callable

from src.common.beats import Beats
from src.common.errors import IngestError
from src.common.logs import get_logger

log = get_logger(__name__)

LATE_AFTER_ROUNDS = 4.0  # a loop that beat this many of its intervals ago is late


class Background:
    """Calls `action` every `every_s` seconds until stopped."""

    def __init__(
        self,
        name: str,
        action: Callable[[], None],
        *,
        every_s: float,
        beats: Beats,
    ) -> None:
        self.name = name
        self._action = action
        self._every_s = every_s
        self._beats = beats
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._beats.expect(self.name, within_s=self._every_s * LATE_AFTER_ROUNDS + 10.0)
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """End after the present round; return whether it ended in time."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(max(timeout_s, 0.0))
        self._beats.forget(self.name)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                self._action()
                self._beats.beat(self.name)
            except Exception as error:  # noqa: BLE001  # the next round tries again; `/ready` tells
                self._report(error)

    def _report(self, error: Exception) -> None:
        code = error.code if isinstance(error, IngestError) else IngestError.code
        self._beats.trouble(self.name, code)
        if isinstance(error, IngestError):
            log.warning("background_failed", loop=self.name, code=code, error=str(error))
        else:
            log.exception("background_failed", loop=self.name, code=code)
