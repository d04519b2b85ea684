"""Text of Word, Excel and PowerPoint files from before 2007, by the programs of Debian's catdoc."""

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from src.attachments.extractor import Content, NotExtractedError
from src.attachments.finish import finished
from src.attachments.limits import Limits
from src.model.extraction import Extracted, Extraction

BYTES_PER_CHAR = 4  # of UTF-8


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
            printed = _printed([self.program, *self.arguments, str(path)], limits)
        return finished(printed.decode("utf-8", "replace"), limits, was_cut=len(printed) >= _most_bytes(limits))


def _printed(command: list[str], limits: Limits) -> bytes:
    """Return what a program prints, up to a bound; then it is killed."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        printed = process.stdout.read(_most_bytes(limits))
        if len(printed) >= _most_bytes(limits):
            process.kill()
    if process.returncode != 0 and not printed.strip():
        raise NotExtractedError("broken")
    return printed


def _most_bytes(limits: Limits) -> int:
    return limits.text_chars * BYTES_PER_CHAR
