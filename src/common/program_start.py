"""The first moments of a program, before anything heavy is imported: that takes a second or two, and nothing is begun.

An entry module calls `begin()` before its other imports. Stands on the standard library alone, so that it can say what
is missing. Whoever handles signals later (Shutdown, Processes, `usual_signals`) takes them over from here.
"""

import os
import signal
import sys
from importlib.util import find_spec
from types import FrameType

PARENT_VARIABLE = "WORKER_PARENT_PID"  # tells a child whose child it is, so that it ends when its parent is gone
STOPPED = 130  # as in src/common/exit_codes.py, which is too heavy for here: it brings the settings
USAGE = 2
NEEDED = ("pydantic_settings", "redis", "rich", "sqlalchemy", "typer")  # without these nothing runs


def begin() -> None:
    """End quietly if interrupted while importing; end with a plain sentence if the packages are not there."""
    signal.signal(signal.SIGINT, _leave)
    signal.signal(signal.SIGTERM, _leave)
    if any(find_spec(name) is None for name in NEEDED):
        sys.stderr.write(
            f"The packages of this project are not installed for {sys.executable}: run `make quickstart` once, "
            "then `source .venv/bin/activate` in each new shell.\n"
        )
        sys.exit(USAGE)


def usual_signals() -> None:
    """Let Ctrl-C raise KeyboardInterrupt again, and SIGTERM end the process."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _leave(_number: int, _frame: FrameType | None) -> None:
    # A child is told to stop by its parent, which would take any other code for a failure.
    os._exit(0 if PARENT_VARIABLE in os.environ else STOPPED)
