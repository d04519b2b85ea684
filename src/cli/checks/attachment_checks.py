"""What reads attachments: the child process and its isolation, and the programs that some formats need."""

import shutil
import subprocess
from collections.abc import Iterator

from config.settings import Settings
from src.assembly.worker import scanner_of
from src.attachments.extractor import Content
from src.attachments.limits import DEFAULT
from src.attachments.sandbox import isolation, landlock
from src.attachments.sandbox.pool import Pool
from src.cli.checks.check import Check, green, red, yellow
from src.common.errors import IngestError
from src.model.extraction import Extracted

AREA = "attachments"
WORDS = b"words"
LOOK_S = 20.0


def attachment_checks(settings: Settings) -> Iterator[Check]:
    """Look at what reads attachments."""
    yield _child()
    yield _network()
    yield _files()
    yield from _tesseract(settings.ocr_languages)
    yield _scanner(settings)
    yield _program("catdoc", "old Word and PowerPoint files", "catdoc")


def _child() -> Check:
    pool = Pool(1)
    try:
        found = pool.take_out(Content("text/plain", "", len(WORDS), data=WORDS), DEFAULT, LOOK_S)
    except IngestError as error:
        return red(AREA, "child process", str(error), "see docs/runbooks/sandbox_unavailable.md")
    finally:
        pool.close()
    if found.outcome is Extracted.TEXT:
        return green(AREA, "child process", "starts, and reads")
    return red(AREA, "child process", f"starts, but fails ({found.reason})", "run `make quickstart` to install anew")


def _network() -> Check:
    if isolation.has_no_network():
        return green(AREA, "isolation", "readers have no network")
    return yellow(
        AREA,
        "isolation",
        "the kernel offers no seccomp filter for this machine: readers could reach the network",
        "run workers in a container without a route, but for Redis and the database",
    )


def _files() -> Check:
    if landlock.version():
        return green(AREA, "isolation of files", "readers reach no settings, tokens, databases or other processes")
    return yellow(
        AREA,
        "isolation of files",
        "the kernel has no Landlock (Linux 5.13, in its list of security modules): readers could read the user's files",
        "run workers under a user of their own, or under a newer kernel",
    )


def _tesseract(wanted: str) -> Iterator[Check]:
    check = _program("tesseract", "pictures and scanned pages", "tesseract-ocr")
    yield check
    if not check.mend:
        listed = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, timeout=LOOK_S)
        missing = sorted(set(wanted.split("+")) - set(listed.stdout.split()))
        if missing:
            packages = " ".join(f"tesseract-ocr-{name.replace('_', '-')}" for name in missing)
            yield red(AREA, "OCR_LANGUAGES", f"not installed: {', '.join(missing)}", f"`apt-get install {packages}`")
        else:
            yield green(AREA, "OCR_LANGUAGES", wanted)


def _scanner(settings: Settings) -> Check:
    scanner = scanner_of(settings)
    if scanner is None:
        return green(AREA, "virus scan", "off: set CLAMAV_SOCKET or CLAMAV_HOST for one")
    try:
        return green(AREA, "virus scan", scanner.version())
    except IngestError as error:
        return red(AREA, "virus scan", str(error), f"see docs/runbooks/{error.code}.md")


def _program(name: str, reads: str, package: str) -> Check:
    if shutil.which(name):
        return green(AREA, name, f"there: {reads} are read")
    return yellow(AREA, name, f"not installed: no text from {reads}", f"`apt-get install {package}`")
