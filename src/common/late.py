"""Late: something opened when first asked for, and asked for again if opening failed."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Opened = TypeVar("Opened")


class Late(Generic[Opened]):
    """Opens once. Thread-safe."""

    def __init__(self, open_: Callable[[], Opened], close: Callable[[Opened], None]) -> None:
        self._open = open_
        self._close = close
        self._lock = threading.Lock()
        self._opened: Opened | None = None

    def get(self) -> Opened:
        """Return it, opening it if need be; raises what opening raises, and tries again at the next call."""
        with self._lock:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def close(self) -> None:
        """Close it if it was opened; it may be asked for again."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None:
            self._close(opened)
