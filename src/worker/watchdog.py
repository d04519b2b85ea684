"""Watchdog: ends a process whose main loop is stuck, so that its mails go to other workers.

Looked at once a second, from a thread of its own. Stuck means: the loop has not moved for WORK_TIMEOUT_SECONDS, a mail
with attachments has been worked on for far longer than it may, or an ordered shutdown has outlived its grace. The stack
of every thread is logged (names of functions and lines, no values), what was not begun is handed back at once, and the
process ends with exit code 70. The one mail that was being worked on stays pending: the worker that reclaims it counts
a crash.

Code in C that never lets go of the interpreter's lock would silence this thread too. For that case a timer of
`faulthandler`, which needs no such lock, is wound up at each look; when it runs out it prints the stacks and ends the
process with exit code 1.
"""

import faulthandler
import math
import os
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from src.common.beats import Beats
from src.common.exit_codes import INTERNAL
from src.common.logs import get_logger
from src.worker.grace import Grace

log = get_logger(__name__)

LOOK_EVERY_S = 1.0
SHUTDOWN_MARGIN_S = 2.0  # beyond the grace: for the shutdown's own last steps
STACK_DEPTH = 10  # innermost frames that are logged of each thread
C_MARGIN_S = 15.0  # beyond the work time-out, before the timer without Python runs out


def _leave(code: int) -> None:
    os._exit(code)


@dataclass(frozen=True, slots=True)
class Watchdog:
    """Looks once per call."""

    beats: Beats
    grace: Grace
    work_timeout_s: float
    loops: tuple[str, ...]  # the beats that the main loop gives
    hand_back_rest: Callable[[], object]  # gives back what was not begun; may fail
    leave: Callable[[int], None] = _leave
    slow_mail_s: Callable[[], float] = lambda: 0.0  # how long one mail's attachments have been worked on
    slow_timeout_s: float = math.inf

    def __call__(self) -> None:
        self._wind_up()
        reason = self.reason()
        if not reason:
            return
        log.error("worker_stuck", reason=reason, stacks=stacks())
        try:
            self.hand_back_rest()
        except Exception:  # the process ends in any case
            log.exception("hand_back_failed")
        self.leave(INTERNAL)

    def reason(self) -> str:
        """Return why the process must end; empty while it need not."""
        if self.grace.left_s() < -SHUTDOWN_MARGIN_S:
            return "shutdown_too_slow"
        if min(self.beats.stillness_s(loop) for loop in self.loops) > self.work_timeout_s:
            return "no_movement"
        if self.slow_mail_s() > self.slow_timeout_s:
            return "slow_mail_stuck"
        return ""

    def _wind_up(self) -> None:
        if sys.__stderr__ is not None:
            faulthandler.dump_traceback_later(self.work_timeout_s + C_MARGIN_S, exit=True, file=sys.__stderr__)


def unwind() -> None:
    """Stop the timer without Python, at an ordered end."""
    faulthandler.cancel_dump_traceback_later()


def stacks() -> str:
    """Return where each thread is, the main one first: functions and lines, innermost first. Holds no values."""
    main_first = sorted(sys._current_frames().items(), key=lambda found: found[0] != threading.main_thread().ident)
    return " | ".join(
        " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(traceback.extract_stack(top)[-STACK_DEPTH:]))
        for _, top in main_first
    )
