"""What hostile files make readers do that are called beside a process: `read(content, …)` of `call_within`."""

import ctypes
import os
import resource
import time
from pathlib import Path
from typing import Any

from src.attachments.extractor import Content, NotExtractedError
from src.attachments.sandbox import frames
from tests.fakes.hostile_readers import answers

_kept: list[bytearray] = []


def process_id(_content: Content) -> int:
    return os.getpid()


def echo(content: Content, *arguments: object) -> list[object]:
    with content.open() as file:
        return [file.read().hex(), content.filename, *arguments]


def hang(_content: Content, *_arguments: object) -> None:
    time.sleep(3600)


def segfault(_content: Content, *_arguments: object) -> None:
    ctypes.string_at(0)


def leave(_content: Content) -> None:
    os._exit(0)


def eat_memory(_content: Content) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
    return len([bytearray(2**26) for _ in range(100)])


def run_out_of_memory(_content: Content, *_arguments: object) -> None:
    raise MemoryError


def recurse(content: Content) -> Any:
    return recurse(content)


def refuse(_content: Content) -> None:
    raise NotExtractedError("encrypted")


def answer_no_json(_content: Content) -> object:
    return {1, 2}


def keep_much(_content: Content) -> int:
    """Grow by 300 MB for good, as a library that leaks."""
    _kept.append(bytearray(300 * 2**20))
    return os.getpid()


def talk_unasked(content: Content) -> int:
    """Answer by hand, so that what it returns comes as the second answer."""
    frames.send(answers(), b'{"result":"false"}')
    return process_id(content)


def answer_garbage(_content: Content) -> None:
    frames.send(answers(), b"no JSON")
    time.sleep(3600)


def answer_a_list(_content: Content) -> None:
    frames.send(answers(), b'["result", "reason"]')
    time.sleep(3600)


def answer_a_reason_that_is_none(_content: Content) -> None:
    frames.send(answers(), b'{"reason": {"text": "of the file"}}')
    time.sleep(3600)


def open_files(_content: Content) -> int:
    """Return how many there are, the listing itself included."""
    return len(list(Path("/proc/self/fd").iterdir()))
