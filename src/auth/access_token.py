"""Access tokens for whoever logs in or calls, kept in memory and renewed ahead of their end. Called from any thread.

Order of a call: the token in memory, if it lives long enough → one thread gets a better one (`mint.py`), while the
others go on with the old one as long as it lives. When Google does not answer, the old one is used to its end, and
Google is asked again now and then, not with each call.
Once Google has said that only a person can help, it is not asked again before that person was there: the refusal is
repeated from memory until there is another sign-in.
"""

import threading
from dataclasses import dataclass
from datetime import timedelta

from config.settings import Settings
from src.auth.mint import AccessToken, Mint
from src.auth.service_account import DelegatedAccess
from src.auth.sign_in_mark import Mark
from src.auth.signed_in import SignedIn
from src.common.clock import Clock, SystemClock
from src.common.errors import PermanentError, ScopeMissingError, SignInNeededError, TemporaryError
from src.common.logs import get_logger

ASK_AGAIN_S = 30.0  # between tries to renew a token that still lives
SPARE = timedelta(seconds=30)  # life that a token must have left for a thread not to wait for the new one

_log = get_logger(__name__)


def access_token_provider(settings: Settings, clock: Clock | None = None) -> "AccessTokens":
    """Return what gives a valid access token when called; see `AccessTokens.__call__`. Reads nothing yet."""
    clock = clock or SystemClock()
    by_key = bool(settings.google_service_account_file)
    return AccessTokens(DelegatedAccess(settings, clock) if by_key else SignedIn(settings, clock), clock)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What Google said that only a person mends."""

    mark: Mark  # of the sign-in that was refused
    kind: type[PermanentError]
    said: str


class AccessTokens:
    """Gives the access tokens of one account to the threads of one process."""

    def __init__(self, mint: Mint, clock: Clock) -> None:
        self._mint = mint
        self._clock = clock
        self._lock = threading.Lock()
        self._known: AccessToken | None = None
        self._refused = ""
        self._not_before = clock.monotonic()  # for the next try to renew a token that still lives
        self._refusal: _Refusal | None = None

    def forget(self) -> None:
        """Take it that a server refused the token last given: the next call gives another one."""
        with self._lock:
            self._refused = self._known.token if self._known else ""

    def __call__(self, refused: str = "") -> str:
        """Return an access token that lives a while longer.

        `refused` is a token that a server has just refused: it is not returned again, a new one is asked for.
        Raises what `Mint.mint` raises.
        """
        if not self._lock.acquire(blocking=False):
            spare = self._known
            if spare is not None and spare.still_serves(self._clock.now() + SPARE, refused or self._refused):
                return spare.token
            self._lock.acquire()
        try:
            return self._current(refused or self._refused).token
        finally:
            self._lock.release()

    def _current(self, refused: str) -> AccessToken:
        known, now = self._known, self._clock.now()
        if known is not None and known.is_good(now, refused):
            return known
        spare = known if known is not None and known.still_serves(now, refused) else None
        if spare is not None and self._clock.monotonic() < self._not_before:
            return spare
        self._known = token = self._renewed(refused, spare)
        if not token.is_good(now, refused):
            self._not_before = self._clock.monotonic() + ASK_AGAIN_S
        return token

    def _renewed(self, refused: str, spare: AccessToken | None) -> AccessToken:
        """Return a better token, or `spare` if Google does not answer just now."""
        mark, refusal = self._mint.mark(), self._refusal  # before it is read: a sign-in in between is one to come
        if refusal is not None and refusal.mark == mark:
            raise refusal.kind(refusal.said)
        try:
            return self._mint.mint(refused)
        except (SignInNeededError, ScopeMissingError) as error:
            self._refusal = _Refusal(mark, type(error), str(error))
            raise
        except TemporaryError as error:
            if spare is None:
                raise
            _log.warning("token_refresh_postponed", code=error.code)
            return spare
