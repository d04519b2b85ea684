"""The child process in which attachments are read: `python -m src.attachments.child`. Started by the sandbox's pool.

It gives up the network and most files, bounds itself, says that it is ready, and then answers one task after the other
until its input ends. It knows no settings, no Redis and no secret. What libraries print goes nowhere; the pipes to the
parent are moved out of their way first. After a task that ran out of memory it ends, since nothing is sure any more.
"""

import gc
import importlib
import os
import sys
from pathlib import Path
from typing import BinaryIO

from src.attachments import bounded_call, registry
from src.attachments.limits import DEFAULT
from src.attachments.mail_file import MailFile
from src.attachments.sandbox import frames, isolation
from src.attachments.take_out import take_out
from src.mail.parse import parse
from src.model.extraction import Extracted, Extraction

PROJECT = Path(__file__).resolve().parents[2]
OUT_OF_MEMORY = 3  # exit code
TOO_DEEP_TO_READ = Extraction(Extracted.FAILED, reason="nested_too_deep")
NO_MEMORY = Extraction(Extracted.FAILED, reason="out_of_memory")


def main(arguments: list[str]) -> int:
    """Serve until the input ends. Arguments: the parent's process id, and a module whose REGISTRY is used (tests)."""
    isolation.die_with_parent(int(arguments[0]))
    lines = importlib.import_module(arguments[1]).REGISTRY if len(arguments) > 1 else _with_mail_parser()
    tasks, answers = _pipes_out_of_the_way()
    isolation.yield_to_worker()
    isolation.confine(DEFAULT.address_space_bytes, project=PROJECT, own_folder=Path.cwd())
    gc.freeze()
    frames.send(answers, frames.READY)
    try:
        return _serve(tasks, answers, lines)
    finally:
        bounded_call.end()


def _serve(tasks: BinaryIO, answers: int, lines: tuple[registry.Line, ...]) -> int:
    """Answer until the input ends, or memory is short; return the exit code."""
    while True:
        try:
            head, data = frames.receive_from(tasks, max_data_bytes=DEFAULT.decoded_bytes)
        except frames.BrokenPipeToChildError:
            return 0
        found = _done(head, data, lines)
        isolation.task_is_done()
        try:
            frames.send(answers, frames.answer(found))
        except frames.BrokenPipeToChildError:
            return 0
        if found is NO_MEMORY:
            return OUT_OF_MEMORY
        del head, data, found


def _done(head: bytes, data: bytes, lines: tuple[registry.Line, ...]) -> Extraction:
    try:
        content, limits = frames.task_from(head, data)
        isolation.bound_task(limits.seconds + limits.ocr.seconds)
        return take_out(content, limits, lines)
    except MemoryError:
        return NO_MEMORY
    except RecursionError:
        return TOO_DEEP_TO_READ


def _with_mail_parser() -> tuple[registry.Line, ...]:
    mail = registry.Line(registry.MAIL, MailFile(parse))
    return tuple(mail if line.pattern == registry.MAIL else line for line in registry.REGISTRY)


def _pipes_out_of_the_way() -> tuple[BinaryIO, int]:
    """Move the pipes from standard input and output to numbers of their own; nothing is read or printed any more."""
    tasks, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.close(nothing)
    return os.fdopen(tasks, "rb"), answers


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
