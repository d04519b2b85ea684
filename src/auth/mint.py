"""Mint: where access tokens come from. Two play it: a person's sign-in (`signed_in.py`), a service account
(`service_account.py`).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from src.auth.sign_in_mark import Mark

REFRESH_AHEAD = timedelta(minutes=5)  # so that a token does not end in the middle of a login or a download


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
        """Return what changes when the operator signs in anew: see `sign_in_mark`. Asks nobody."""
        ...
