"""LineLimit: of lines that say the same again, lets the first ones of each minute through and counts the rest.

A service that is away for a day fails every mail that waits, over and over, and each would be a line: gigabytes that
say one thing. So each kind of line (its event, code and account) has a few lines a minute, whole as ever. How many
were left out is told once, when the minute is over, by `log_lines_left_out`. Metrics count everything.

The limit stands before everything else that is done to a line, so that what is left out costs next to nothing. It
never waits and raises nothing but structlog's own DropEvent. Thread-safe.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any, NamedTuple

import structlog

MOST_LINES = 5  # of a kind in a window; a day's outage with ten kinds of lines is then some 25 MB
WINDOW_S = 60.0
MOST_KINDS = 500  # told apart in a window; what comes beyond counts as one kind
LEFT_OUT_EVENT = "log_lines_left_out"  # never left out itself: at most one a kind and window


class LineKind(NamedTuple):
    """What makes lines alike. All of it comes from closed sets and tags, never from a mail."""

    event: str
    code: str = ""
    tag: str = ""  # of the account
    about: str = ""  # which of several loops or services


OTHERS = LineKind("other_kinds")


def kind_of(event: Mapping[str, Any]) -> LineKind:
    """Return the kind of a line about to be logged."""
    tag = event.get("account") or event.get("account_tag") or ""
    about = event.get("loop") or event.get("service") or event.get("step") or ""
    return LineKind(str(event.get("event", "")), str(event.get("code", "")), str(tag), str(about))


class LineLimit:
    """Plays a structlog processor, and a filter of `logging` for what libraries say."""

    def __init__(
        self,
        tell: Callable[[LineKind, int], None],
        *,
        window_s: float = WINDOW_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`tell` logs how many lines of a kind were left out in a window that is over."""
        self._tell = tell
        self._window_s = window_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._ends_at = float("-inf")
        self._seen: dict[LineKind, int] = {}
        self._timer: threading.Timer | None = None

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if event.get("event") != LEFT_OUT_EVENT and not self.admits(kind_of(event)):
            raise structlog.DropEvent
        return event

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a library's line goes through; its kind is its logger and level."""
        return self.admits(LineKind(record.name, record.levelname))

    def admits(self, kind: LineKind) -> bool:
        """Count a line; tell whether it goes through."""
        with self._lock:
            over = self._end_window() if self._monotonic() >= self._ends_at else {}
            if kind not in self._seen and len(self._seen) >= MOST_KINDS:
                kind = OTHERS
            seen = self._seen[kind] = self._seen.get(kind, 0) + 1
            if seen > MOST_LINES:
                self._tell_in_time()
        self._tell_all(over)
        return seen <= MOST_LINES

    def close(self) -> None:
        """End the window now, and tell what was left out in it."""
        with self._lock:
            over = self._end_window()
        self._tell_all(over)

    def _end_window(self) -> dict[LineKind, int]:
        over, self._seen = self._seen, {}
        self._ends_at = self._monotonic() + self._window_s
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return over

    def _tell_in_time(self) -> None:
        """See that the window ends even if nothing more is logged."""
        if self._timer is None:
            self._timer = threading.Timer(max(self._ends_at - self._monotonic(), 0.0), self.close)
            self._timer.daemon = True
            with suppress(RuntimeError):  # no thread to be had: the next line tells, or the end of the process
                self._timer.start()

    def _tell_all(self, over: Mapping[LineKind, int]) -> None:
        for kind, seen in over.items():
            if seen > MOST_LINES:
                self._tell(kind, seen - MOST_LINES)
