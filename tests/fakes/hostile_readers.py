"""Readers that do what hostile files make libraries do, for the children of a pool under test. The declared media type
chooses: `text/x-hang` hangs."""

import ctypes
import fcntl
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from src.attachments.bounded_call import call_within
from src.attachments.extractor import Content, NotExtractedError
from src.attachments.limits import Limits
from src.attachments.registry import Line
from src.attachments.sandbox import frames
from src.model.extraction import Extracted, Extraction

PROJECT = Path(__file__).resolve().parents[2]
_kept: list[bytearray] = []


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


def _answer_falsely(_data: Content, limits: Limits) -> str:
    """Send an answer by hand, as code would that a hostile file brought along; the pipes are those that block."""
    told = orjson.dumps(
        {
            "outcome": "text",
            "text": "a\0b" + "x" * limits.text_chars,
            "reason": "",
            "truncated": False,
            "metadata": {"author": "y" * 5000},
        }
    )
    frames.send(answers(), told)
    os._exit(0)


def _answer_with_a_reason(_data: Content, _limits: Limits) -> str:
    raise NotExtractedError("label, made up " * 1000)


def _answer_twice(_data: Content, _limits: Limits) -> str:
    false = frames.answer(Extraction(Extracted.TEXT, text="false"))
    frames.send(answers(), false)
    return "true"


def answers() -> int:
    """Return the pipe by which this process answers."""
    pipes = [int(each.name) for each in Path("/proc/self/fd").iterdir() if int(each.name) > 2]
    return next(each for each in pipes if _is_for_writing(each))


def _is_for_writing(descriptor: int) -> bool:
    try:
        return bool(fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_WRONLY)
    except OSError:
        return False  # the listing itself


def _fork_and_hang(data: Content, limits: Limits) -> str:
    return str(call_within(3600, _hang, data, limits))


def _fork(data: Content, limits: Limits) -> str:
    return str(call_within(20, _own_id, data, limits))


def _fork_and_grow(data: Content, limits: Limits) -> str:
    return str(call_within(20, _grow, data, limits))


def _own_id(_data: Content, _limits: Limits) -> int:
    return os.getpid()


def _grow(_data: Content, _limits: Limits) -> int:
    """Keep 300 MB for good, as a library that leaks."""
    _kept.append(bytearray(300 * 1024 * 1024))
    return os.getpid()


def _take_again(_data: Content, _limits: Limits) -> str:
    """Take 4 MB in pieces and give them back, as for the pages of a PDF; return the page faults of ten such pages."""
    for times in (2, 10):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(times):
            taken = [bytearray(100_000) for _ in range(40)]
            taken.clear()
    return str(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)


def _leave_files(_data: Content, _limits: Limits) -> str:
    Path("left").write_bytes(b"x")
    Path("folder").mkdir()
    Path("folder/left").write_bytes(b"x")
    return "left"


def _look_into_others(_data: Content, _limits: Limits) -> str:
    """Try to read the memory and the environment of the worker, to take one of its files, and to end it."""
    parent = os.getppid()
    return " ".join(
        _outcome_of(attempt)
        for attempt in (
            lambda: Path(f"/proc/{parent}/environ").read_bytes(),
            lambda: Path(f"/proc/{parent}/mem").open("rb").close(),
            lambda: _take_file_of(os.pidfd_open(parent)),
        )
    )


def _reach_files(_data: Content, _limits: Limits) -> str:
    """Try to read a file beside the project's code, one of the system's, and to write outside of the own folder."""
    return " ".join(
        _outcome_of(attempt)
        for attempt in (
            lambda: (PROJECT / "pyproject.toml").read_bytes(),
            lambda: Path("/etc/passwd").read_bytes(),
            lambda: Path("../outside").write_bytes(b""),
            lambda: Path("inside").write_bytes(b""),
        )
    )


def _signal_parent(_data: Content, _limits: Limits) -> str:
    return _outcome_of(lambda: os.kill(os.getppid(), 0))


def _take_file_of(process: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(438, process, 1, 0) < 0:  # pidfd_getfd
        raise PermissionError(ctypes.get_errno(), "refused")


def _outcome_of(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except PermissionError:
        return "refused"
    return "open"


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
    "answer-falsely": _answer_falsely,
    "answer-with-a-reason": _answer_with_a_reason,
    "answer-twice": _answer_twice,
    "fork": _fork,
    "fork-and-hang": _fork_and_hang,
    "fork-and-grow": _fork_and_grow,
    "reach-files": _reach_files,
    "signal-parent": _signal_parent,
    "take-again": _take_again,
    "leave-files": _leave_files,
    "look-into-others": _look_into_others,
    "limits": _limits_of,
    "count": _count,
}
REGISTRY = tuple(Line(f"text/x-{name}", Reader(read)) for name, read in _READERS.items())
