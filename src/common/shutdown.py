"""Ordered shutdown: the first SIGINT or SIGTERM asks, the second leaves at once."""

import os
import signal
import threading
from types import FrameType

LEFT_AT_ONCE = 130  # exit code after a second signal, as a shell gives for SIGINT


class Shutdown:
    """Whether the process was asked to stop. Shared by all loops and threads of a process."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    @property
    def is_asked(self) -> bool:
        """True once a stop was asked for."""
        return self._asked.is_set()

    def ask(self) -> None:
        """Ask every loop to finish what is in hand and end."""
        self._asked.set()

    def wait(self, timeout_s: float) -> bool:
        """Block until a stop is asked for, at most `timeout_s` seconds; return whether it was."""
        return self._asked.wait(timeout_s)

    def listen(self) -> None:
        """Install the signal handlers; only from the main thread."""
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._asked.is_set():
            os._exit(LEFT_AT_ONCE)
        self._asked.set()
