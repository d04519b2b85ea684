"""Mint: where access tokens come from. Two play it: a person's sign-in (`signed_in.py`), a service account
(`service_account.py`).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

REFRESH_AHEAD = timedelta(minutes=5)  # so that a token does not end in the middle of a login or a download

Mark = tuple[int, int, int] | None  # which file it was: inode, time of change in ns, size; None: there is none


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token and its end. Its `repr` holds no secret."""

    token: str = field(repr=False)
    expires_at: datetime  # aware UTC

    def is_good(self, now: datetime, refused: str) -> bool:
        """Tell whether it lives a while longer, and is not the one that was refused."""
        return self.token != refused and self.expires_at - REFRESH_AHEAD > now

    def still_serves(self, now: datetime, refused: str) -> bool:
        """Tell whether it may be used while there is no better one."""
        return self.token != refused and self.expires_at > now


class Mint(Protocol):
    """Gives access tokens of one account."""

    def mint(self, refused: str) -> AccessToken:
        """Return an access token other than `refused`, new if need be; one near its end if Google gives none just now.

        Called by one thread at a time. Raises SignInNeededError, ScopeMissingError, DelegationRefusedError,
        EncryptionKeyError, TokenFileError, LoginRefusedError, and SourceUnavailableError when Google does not answer.
        """
        ...

    def mark(self) -> Mark:
        """Return what changes when the operator signs in anew: the mark of a file. Asks nobody."""
        ...


def mark_of(path: Path) -> Mark:
    """Return the mark of a file; it is replaced as a whole, so another content has another mark."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
