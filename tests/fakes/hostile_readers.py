"""Readers that do what hostile files make libraries do, for the children of a pool under test. The declared media type
chooses: `text/x-hang` hangs."""

import ctypes
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from src.attachments.extractor import Content
from src.attachments.limits import Limits
from src.attachments.registry import Line
from src.model.extraction import Extracted, Extraction


class Reader:
    """Plays `Extractor` with a function that gives the text."""

    def __init__(self, read: Callable[[Content, Limits], str]) -> None:
        self._read = read

    def extract(self, data: Content, limits: Limits) -> Extraction:
        return Extraction(Extracted.TEXT, text=self._read(data, limits))


def _raise(_data: Content, _limits: Limits) -> str:
    raise ValueError("what a library raises")


def _hang(_data: Content, _limits: Limits) -> str:
    time.sleep(3600)
    return ""


def _spin(_data: Content, _limits: Limits) -> str:
    while True:
        pass


def _exit(_data: Content, _limits: Limits) -> str:
    os._exit(0)


def _segfault(_data: Content, _limits: Limits) -> str:
    ctypes.string_at(0)
    return ""


def _eat_memory(_data: Content, _limits: Limits) -> str:
    eaten = [bytearray(64 * 1024 * 1024) for _ in range(100)]
    return str(len(eaten))


def _recurse(data: Content, limits: Limits) -> str:
    return _recurse(data, limits) + "x"


def _print(_data: Content, _limits: Limits) -> str:
    os.write(1, b"noise" * 1000)
    sys.stdout.write("noise")
    sys.stdout.flush()
    return f"printed, input {sys.stdin.read()!r}"


def _connect(_data: Content, _limits: Limits) -> str:
    found = []
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
        try:
            socket.socket(family, socket.SOCK_STREAM).close()
            found.append("open")
        except PermissionError:
            found.append("refused")
    return " ".join(found)


def _look_around(_data: Content, _limits: Limits) -> str:
    opened = (path.name for path in Path("/proc/self/fd").iterdir())
    return "|".join((" ".join(sorted(os.environ)), " ".join(sorted(opened)), str(Path.cwd())))


def _start_others(_data: Content, _limits: Limits) -> str:
    for _ in range(3):
        subprocess.Popen(["sleep", "3600"])
    time.sleep(3600)
    return ""


def _write_much(_data: Content, _limits: Limits) -> str:
    with Path("much").open("wb") as file:  # in its folder for temporary files
        for _ in range(100):
            file.write(b"x" * 1024 * 1024)
    return "written"


def _answer_much(_data: Content, _limits: Limits) -> str:
    return "x" * 80 * 1024 * 1024


def _limits_of(_data: Content, _limits: Limits) -> str:
    bounds = f"{resource.getrlimit(resource.RLIMIT_CORE)[0]} {resource.getrlimit(resource.RLIMIT_AS)[0]}"
    return f"{bounds} {os.nice(0)}"


def _count(data: Content, _limits: Limits) -> str:
    with data.open() as file:
        return str(len(file.read()))


_READERS: dict[str, Callable[[Content, Limits], str]] = {
    "raise": _raise,
    "hang": _hang,
    "spin": _spin,
    "exit": _exit,
    "segfault": _segfault,
    "eat-memory": _eat_memory,
    "recurse": _recurse,
    "print": _print,
    "connect": _connect,
    "look-around": _look_around,
    "start-others": _start_others,
    "write-much": _write_much,
    "answer-much": _answer_much,
    "limits": _limits_of,
    "count": _count,
}
REGISTRY = tuple(Line(f"text/x-{name}", Reader(read)) for name, read in _READERS.items())
