"""Read a file beside this process, for a time: for readers in C that hang, crash or eat memory, so that another has its
turn.

It is read in a fork, which is kept for the next file: a fork for each would have its memory from the kernel anew each
time, a tenth of all that reading a PDF of 100 pages takes. The fork is ended after every call that did not end well,
and when it has grown old or large, so that no file meets what another left behind.
"""

from collections.abc import Callable
from typing import Any

from src.attachments.extractor import Content, NotExtractedError
from src.attachments.sandbox import frames
from src.attachments.sandbox.fork import Fork

CALLS_OF_A_FORK = 200  # then a new one takes over: libraries leak
MOST_GROWTH_BYTES = 256 * 1024 * 1024  # of the 1.2 GB that each process of the sandbox may take


def call_within(seconds: float, read: Callable[..., Any], content: Content, *arguments: object) -> Any:
    """Return what `read(content, *arguments)` returns, as JSON knows it. `read` is a function of a module; the
    arguments are copied.

    Raises NotExtractedError: what `read` raised itself, `time_out`, `crashed`, `out_of_memory`, or `broken` for any
    other exception of it. Only for a process without threads, such as the sandbox's child.
    """
    return _KEPT.call(seconds, read, content, arguments)


def end() -> None:
    """End the fork, if there is one; a later call starts another. It would not outlive this process, but has to be
    waited for by its parent."""
    _KEPT.end()


class _KeptFork:
    """The fork, once there is one."""

    def __init__(self) -> None:
        self._fork: Fork | None = None
        self._calls = 0
        self._first_bytes = 0  # of its address space

    def call(self, seconds: float, read: Callable[..., Any], content: Content, arguments: tuple[object, ...]) -> Any:
        fork = self._fork = self._ready()
        self._calls += 1
        is_well = False
        try:
            answer = fork.call(seconds, read, content, arguments)
            is_well = "result" in answer and not self._is_worn(fork)
        except frames.TooSlowError as error:
            raise NotExtractedError("time_out") from error
        except frames.BrokenPipeToChildError as error:
            raise NotExtractedError("crashed") from error
        finally:
            if not is_well:
                self.end()
        if "reason" in answer:
            raise NotExtractedError(answer["reason"])
        return answer["result"]

    def _ready(self) -> Fork:
        if self._fork is not None and self._fork.is_ready:
            return self._fork
        self.end()
        try:
            fork = Fork()
        except OSError as error:
            raise NotExtractedError("out_of_memory") from error
        self._calls, self._first_bytes = 0, fork.address_space_bytes()
        return fork

    def _is_worn(self, fork: Fork) -> bool:
        growth_bytes = fork.address_space_bytes() - self._first_bytes
        return self._calls >= CALLS_OF_A_FORK or growth_bytes > MOST_GROWTH_BYTES

    def end(self) -> None:
        if self._fork is not None:
            self._fork.end()
        self._fork = None


_KEPT = _KeptFork()
