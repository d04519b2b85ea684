"""A lock shared by processes: a lock file beside the file it guards."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from src.common.errors import SourceUnavailableError, TokenFileError

LOCK_WAIT_S = 90.0  # above the longest refresh: 20 s to connect to each of a few addresses, 30 s for the answer
LOCK_POLL_S = 0.05  # how often a waiting process looks at the lock


@contextmanager
def locked(path: Path, wait_s: float = LOCK_WAIT_S) -> Iterator[None]:
    """Hold the lock file beside `path`, shared by all processes; freed by the system if the holder dies.

    Raises SourceUnavailableError if another process holds it longer than `wait_s`.
    """
    name = path.with_name(path.name + ".lock")
    try:
        handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise TokenFileError(f"cannot make the lock file {name}: {error.strerror}") from error
    try:
        _wait_for(handle, wait_s)
        yield
    finally:
        os.close(handle)  # frees the lock; the file stays, since deleting it would let two holders in


def _wait_for(handle: int, wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise SourceUnavailableError(
                    f"another process has been refreshing the token for over {wait_s:.0f} s: see which one holds the "
                    "lock file beside the token file"
                ) from error
            time.sleep(LOCK_POLL_S)
        else:
            return
