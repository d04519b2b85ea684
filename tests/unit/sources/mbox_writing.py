"""Writing mboxes for the tests, by the rules that real writers follow."""

import re
from collections.abc import Sequence
from pathlib import Path

from src.common.clock import Clock, SystemClock
from src.model.cursor import Cursor
from src.model.envelope import Envelope
from src.sources.file_limits import FileLimits
from src.sources.mbox import MboxSource

SEPARATOR = b"From alice@example.org Mon Jan  5 10:20:30 2026"
_QUOTE = re.compile(rb"^(?=>*From )", re.MULTILINE)


def mboxrd(mails: Sequence[bytes], *, newline: bytes = b"\n", separator: bytes = SEPARATOR) -> bytes:
    """Return an mbox with `>` before every line `From `, `>From `, …; each mail must end with a line end."""
    return b"".join(separator + newline + _QUOTE.sub(b">", mail) + newline for mail in mails)


def source_of(path: Path, clock: Clock | None = None, **limits: float) -> MboxSource:
    """Return a source that takes a file as whole at once."""
    bounds = FileLimits(**{"settle_s": 0.0, **limits})  # type: ignore[arg-type]  # whole numbers where they are meant
    return MboxSource(account="alice", path=path, limits=bounds, clock=clock or SystemClock())


def read_all(source: MboxSource, cursor: Cursor | None = None) -> tuple[list[Envelope], Cursor]:
    """Read to the end; failures are not expected."""
    cursor = cursor or Cursor()
    found: list[Envelope] = []
    for _ in range(100_000):
        batch = source.fetch(cursor)
        assert not batch.failures
        found += batch.envelopes
        cursor = batch.cursor
        if batch.caught_up:
            source.close()
            return found, cursor
    raise AssertionError("the source never says that it is caught up")


def raw_of(envelope: Envelope) -> bytes:
    """Return the mail, put together if it came in slices."""
    return envelope.raw if isinstance(envelope.raw, bytes) else b"".join(envelope.raw)
