"""Versions that the database takes for news, whatever Redis's clock says.

The stream stamps versions by Redis's clock. A Redis that was wiped, and whose clock is behind the one before, would
stamp what the database takes for old news. So where a source compares with the database, and what that knows of a mail
is ahead of the clock, the version is told with the news.
"""

from dataclasses import replace

from src.common.clock import Clock
from src.model.envelope import Envelope
from src.store.protocol import KnownMail


def clock_version(clock: Clock) -> int:
    """Return about what the stream would stamp now: µs since 1970."""
    return int(clock.now().timestamp() * 1_000_000)


def newer_than(version: int, envelope: Envelope) -> Envelope:
    """Give an envelope the next version; with 0 leave it to the stream."""
    return replace(envelope, version=version + 1) if version else envelope


def version_ahead(known: KnownMail | None, clock: Clock) -> int:
    """Return what the database knows last of a mail, if that is ahead of the clock; else 0."""
    return known.version if known is not None and known.version >= clock_version(clock) else 0
