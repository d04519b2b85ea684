"""A fork of this process that reads one file after the other, for readers in C that may hang or crash.

What it is to do comes pickled, by a pipe into which this process alone writes. What it answers is JSON, since it was
made among hostile bytes. Only for a process without threads, such as the sandbox's child. The fork holds no other pipe
of that process, and dies with it.
"""

import gc
import os
import pickle
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Never

import orjson

from src.attachments.extractor import Content, NotExtractedError
from src.attachments.limits import DEFAULT
from src.attachments.sandbox import frames, isolation

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Fork:
    """The fork as its parent sees it; for one caller at a time. `end` must be called."""

    def __init__(self) -> None:
        """Start it; raises OSError where memory is short, or there are too many processes."""
        self._owner = os.getpid()  # another fork of it has these pipes too, and must not use them
        tasks, self._tasks = os.pipe()
        self._answers, answers = os.pipe()
        try:
            self._process = os.fork()
        except OSError:
            for descriptor in (tasks, self._tasks, self._answers, answers):
                os.close(descriptor)
            raise
        if self._process == 0:
            _serve_and_leave(tasks, answers, self._owner)
        os.close(tasks)
        os.close(answers)
        os.set_blocking(self._tasks, False)
        os.set_blocking(self._answers, False)

    @property
    def is_ready(self) -> bool:
        """True while it lives and has said nothing unasked, which would pass for the answer to the next call."""
        return self._owner == os.getpid() and not frames.has_something(self._answers)

    def call(
        self, seconds: float, read: Callable[..., Any], content: Content, arguments: tuple[object, ...]
    ) -> dict[str, Any]:
        """Return its answer: the `result` of `read(content, *arguments)`, or the `reason` why there is none.

        Raises TooSlowError or BrokenPipeToChildError; then it can only be ended.
        """
        deadline = time.monotonic() + seconds
        head = pickle.dumps((seconds, read, replace(content, data=None, archive=None), arguments))
        frames.send(self._tasks, head, content.data or b"", deadline=deadline)
        told, _ = frames.receive(self._answers, max_data_bytes=0, deadline=deadline)
        return _understood(told)

    def address_space_bytes(self) -> int:
        """Return what it takes of its address space, 0 when it is gone."""
        try:
            return int(Path(f"/proc/{self._process}/statm").read_bytes().split()[0]) * _PAGE_BYTES
        except (OSError, IndexError):
            return 0

    def end(self) -> None:
        """Kill it, and take back what it held."""
        if self._owner != os.getpid():
            return
        os.close(self._tasks)
        os.close(self._answers)
        with suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)


def _understood(told: bytes) -> dict[str, Any]:
    """Return an answer, if it is one: a fork that a hostile file took over says what it likes."""
    try:
        answer: Any = orjson.loads(told)
    except ValueError as error:
        raise frames.BrokenPipeToChildError from error
    if not isinstance(answer, dict) or not ("result" in answer or isinstance(answer.get("reason"), str)):
        raise frames.BrokenPipeToChildError
    return answer


def _serve_and_leave(tasks: int, answers: int, parent: int) -> Never:
    """Serve until the input ends, and end without the clean-up of a whole process: that is the parent's."""
    try:
        isolation.die_with_parent(parent)
        isolation.close_all_but(tasks, answers)
        gc.freeze()
        _serve(tasks, answers)
    finally:
        os._exit(0)


def _serve(tasks: int, answers: int) -> None:
    with os.fdopen(tasks, "rb") as file:
        while True:
            head, data = frames.receive_from(file, max_data_bytes=DEFAULT.decoded_bytes)
            answer = orjson.dumps(_answer_to(head, data))
            del head, data
            frames.send(answers, answer)


def _answer_to(head: bytes, data: bytes) -> dict[str, Any]:
    seconds, read, content, arguments = pickle.loads(head)  # noqa: S301  # the parent made it
    isolation.bound_task(seconds)
    try:
        result = read(content if content.path is not None else replace(content, data=data), *arguments)
    except NotExtractedError as error:
        return {"reason": error.reason}
    except MemoryError:
        return {"reason": "out_of_memory"}
    except BaseException:  # noqa: BLE001  # whatever a broken file makes a library raise
        return {"reason": "broken"}
    isolation.task_is_done()
    return {"result": result}
