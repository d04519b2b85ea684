"""SourceThread: the one thread from which a source is used, so that reading ahead overlaps with publishing."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

Result = TypeVar("Result")


class SourceThread:
    """Runs calls one after the other. A daemon: a call that never returns cannot keep the process alive."""

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, call: Callable[[], Result]) -> Future[Result]:
        """Run `call` after those submitted before; cancelling the future drops it if it has not begun."""
        future: Future[Result] = Future()
        self._calls.put((future, call))
        return future

    def close(self, last: Callable[[], None], timeout_s: float) -> bool:
        """Run `last` and end; return whether this was done within `timeout_s`."""
        self.submit(last)
        self._calls.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (entry := self._calls.get()) is not None:
            future, call = entry
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 - handed to whoever asks the future
                future.set_exception(error)
