"""Run a function in a fork of this process, for a time: for readers in C that hang, so that another has its turn.

Only for a process without threads, such as the sandbox's child. The fork dies with the process that waits for it.
"""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson

from src.attachments.extractor import NotExtractedError
from src.attachments.sandbox import frames, isolation


def call_within(seconds: float, function: Callable[[], Any]) -> Any:
    """Return what `function` returns, as JSON knows it. Raises NotExtractedError: what it raised itself, `time_out`,
    `crashed`, `out_of_memory`, or `broken` for any other exception of it."""
    reading, writing = os.pipe()
    parent = os.getpid()
    try:
        child = os.fork()
    except OSError as error:  # no memory, or too many processes
        os.close(reading)
        os.close(writing)
        raise NotExtractedError("out_of_memory") from error
    if child == 0:
        os.close(reading)
        _run_and_leave(function, writing, parent)
    os.close(writing)
    os.set_blocking(reading, False)
    try:
        head, _ = frames.receive(reading, max_data_bytes=0, deadline=time.monotonic() + seconds)
    except frames.TooSlowError as error:
        raise NotExtractedError("time_out") from error
    except frames.BrokenPipeToChildError as error:
        raise NotExtractedError("crashed") from error
    finally:
        os.close(reading)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    answer = orjson.loads(head)
    if "reason" in answer:
        raise NotExtractedError(answer["reason"])
    return answer["result"]


def _run_and_leave(function: Callable[[], Any], writing: int, parent: int) -> None:
    """Answer and end, without the clean-up of a whole process: that is the parent's."""
    try:
        isolation.die_with_parent(parent)
        answer: dict[str, Any] = {"result": function()}
    except NotExtractedError as error:
        answer = {"reason": error.reason}
    except MemoryError:
        answer = {"reason": "out_of_memory"}
    except BaseException:  # noqa: BLE001  # whatever a broken file makes a library raise
        answer = {"reason": "broken"}
    with suppress(BaseException):
        frames.send(writing, orjson.dumps(answer))
    os._exit(0)
