"""Text of Word, Excel and PowerPoint files from before 2007, by the programs of Debian's catdoc."""

import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from src.attachments.extractor import Content, NotExtractedError
from src.attachments.finish import finished
from src.attachments.limits import Limits
from src.model.extraction import Extracted, Extraction

BYTES_PER_CHAR = 4  # of UTF-8
CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class OldOffice:
    """Plays `Extractor` for one kind of these files."""

    program: str  # empty: nothing reads this kind
    arguments: tuple[str, ...] = ("-d", "utf-8")

    def extract(self, data: Content, limits: Limits) -> Extraction:
        if not self.program:
            raise NotExtractedError("unsupported_type", outcome=Extracted.SKIPPED)
        if shutil.which(self.program) is None:
            raise NotExtractedError("reader_missing", outcome=Extracted.SKIPPED)
        with tempfile.TemporaryDirectory() as folder:
            path = data.path or Path(folder) / "file"
            if data.path is None:
                path.write_bytes(data.data or b"")
            command = [self.program, *self.arguments, str(path)]
            printed, unread = _printed(command, limits.text_chars * BYTES_PER_CHAR, data.budget.left_s(limits.seconds))
        was_cut = unread is not None or len(printed) >= limits.text_chars * BYTES_PER_CHAR
        return finished(printed.decode("utf-8", "replace"), limits, was_cut=was_cut, unread=unread)


def _printed(command: list[str], most_bytes: int, seconds: float) -> tuple[bytes, NotExtractedError | None]:
    """Return what a program prints, up to a number of bytes and for a time, and why not more; then it is killed."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        printed, unread = b"", None
        try:
            for piece in _pieces(process.stdout, time.monotonic() + seconds):
                printed += piece
                if len(printed) >= most_bytes:
                    break
            else:
                process.wait()
        except NotExtractedError as error:
            unread = error
        process.kill()
    if process.returncode != 0 and not printed.strip():
        raise unread or NotExtractedError("broken")
    return printed[:most_bytes], unread


def _pieces(pipe: IO[bytes], ends_at: float) -> Iterator[bytes]:
    """Yield what comes. Raises NotExtractedError `time_out`."""
    waiter = select.poll()
    waiter.register(pipe, select.POLLIN)
    while True:
        left_s = ends_at - time.monotonic()
        if left_s <= 0 or not waiter.poll(left_s * 1000):
            raise NotExtractedError("time_out")
        piece = os.read(pipe.fileno(), CHUNK_BYTES)
        if not piece:
            return
        yield piece
