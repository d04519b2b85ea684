"""SourceRequest: what an opener in `registry.py` gets, to make sources from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from config.settings import Settings
from src.common.clock import Clock
from src.common.redis_client import RedisClient
from src.sources.file_limits import FileLimits
from src.sources.imap.visit import KnownMails, TicketsOnTheWay


class AccessTokens(Protocol):
    """Gives OAuth access tokens; see src/auth/access_token.py."""

    def __call__(self, refused: str = "") -> str: ...

    def forget(self) -> None: ...


class PushHints(Protocol):
    """Wakes sources when Gmail tells that something changed; see src/producer/pushes.py."""

    def wake(self, address: str, ring: Callable[[], None], settings: Settings) -> None: ...


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """What is to be read, and whom a source may ask."""

    settings: Settings
    account: str
    known: KnownMails  # the database
    tickets: TicketsOnTheWay  # the stream
    clock: Clock
    batch_mails: int  # most envelopes in one batch
    path: Path | None = None  # of the file or folder, for file sources
    access_tokens: AccessTokens | None = None  # shared by the mailboxes of an account
    redis: RedisClient | None = None  # for what processes of an account share: its quota
    compares_first: bool = False  # the first look compares the whole mailbox with the database, as for a full sync
    pushes: PushHints | None = None  # None: who only looks once is not woken

    def file_limits(self) -> FileLimits:
        """Return the limits of a file source."""
        return FileLimits(
            batch_mails=self.batch_mails,
            slice_bytes=self.settings.raw_spool_bytes,
            max_mail_bytes=self.settings.max_mail_bytes,
        )
