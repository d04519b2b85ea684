"""Temporary files for attachments too big for memory, and folders for what the readers of attachments write: private,
short-lived, and swept when a process was killed.

The folder has mode 700, a file 600. A file or folder is locked (flock) while its process works with it; the kernel lets
go of the lock when the process dies. So the sweep can tell one in use from one that was left, whatever the age of
either, and takes only those that nobody has locked and that are older than 30 s.
"""

import errno
import fcntl
import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from src.common.errors import TempSpaceError
from src.common.instruments import ORPHANED_TEMP_FILES, TEMP_FILE_CLEANUP

ORPHAN_AGE_S = 30.0  # CONTRACT.md; a younger file may be between its creation and its lock
SUFFIX = ".attachment"
FOLDER_SUFFIX = ".reader"


def own_folder() -> Path:
    """Return the folder for these files: one for each user, below the system's (TMPDIR)."""
    return Path(tempfile.gettempdir()) / f"email-ingestion-{os.getuid()}"


@contextmanager
def written(slices: Iterable[bytes], temp_dir: Path) -> Iterator[Path]:
    """Write `slices` into a new file, give its path, and remove it however the block ends.

    Raises TempSpaceError when the file cannot be written. What `slices` raises passes through.
    """
    path, descriptor = _create(temp_dir)
    try:
        for piece in slices:
            _write(descriptor, piece)
        yield path
    finally:
        try:
            path.unlink(missing_ok=True)
            TEMP_FILE_CLEANUP.inc()
        finally:
            os.close(descriptor)


class Subfolder:
    """A folder for the temporary files of one reader, locked as long as this object holds it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def empty(self) -> None:
        """Remove all that is in it."""
        with suppress(FileNotFoundError), os.scandir(self.path) as found:
            for entry in found:
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry, ignore_errors=True)
                else:
                    Path(entry).unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._descriptor)


def own_subfolder(temp_dir: Path) -> Subfolder:
    """Make a folder below `temp_dir`; raises TempSpaceError."""
    path = temp_dir / f"{os.getpid()}-{secrets.token_hex(8)}{FOLDER_SUFFIX}"
    try:
        _make_private(temp_dir)
        path.mkdir(mode=0o700)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        raise _no_space(error) from error
    return Subfolder(path, descriptor)


def sweep(temp_dir: Path, *, min_age_s: float = ORPHAN_AGE_S) -> int:
    """Remove the files that killed processes left; return how many. Sets the gauge of orphans found."""
    orphans = [path for path in _files(temp_dir) if not _is_in_use(path)]
    ORPHANED_TEMP_FILES.set(len(orphans))
    removed = 0
    for path in orphans:
        if _age_s(path) >= min_age_s:
            _remove(path)
            TEMP_FILE_CLEANUP.inc()
            removed += 1
    return removed


def _remove(path: Path) -> None:
    if path.suffix == FOLDER_SUFFIX:
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _create(temp_dir: Path) -> tuple[Path, int]:
    path = temp_dir / f"{os.getpid()}-{secrets.token_hex(8)}{SUFFIX}"
    try:
        _make_private(temp_dir)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        raise _no_space(error) from error
    return path, descriptor


def _make_private(temp_dir: Path) -> None:
    """Make the folder, and sure that it is ours alone: in a shared /tmp someone else might have made it first."""
    temp_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = temp_dir.lstat()
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode):
        raise PermissionError(errno.EPERM, "the folder belongs to another user")
    if stat.S_IMODE(found.st_mode) != 0o700:
        temp_dir.chmod(0o700)


def _write(descriptor: int, piece: bytes) -> None:
    view = memoryview(piece)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError as error:
        raise _no_space(error) from error


def _no_space(error: OSError) -> TempSpaceError:
    return TempSpaceError(
        f"expected to write a temporary file for an attachment, but: {error.strerror}. "
        "Make room in that folder, or set TMPDIR to another."
    )


def _files(temp_dir: Path) -> list[Path]:
    """Return the files and folders of readers."""
    found = temp_dir.iterdir() if temp_dir.is_dir() else ()
    return sorted(path for path in found if path.suffix in (SUFFIX, FOLDER_SUFFIX))


def _is_in_use(path: Path) -> bool:
    try:
        # Without O_NONBLOCK a pipe of this name, laid there by a reader gone wrong, would hold up the sweep for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return True  # gone meanwhile, or not ours
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True  # locked; or nothing that can be locked
    finally:
        os.close(descriptor)
    return False


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
