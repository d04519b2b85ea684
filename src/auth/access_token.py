"""Access tokens for whoever logs in, refreshed ahead of their end, by one process for all.

Order of a call: the token in memory, if it lives long enough → under the lock file, the token on disk (another process
may have refreshed it) → a refresh, saved for the others. A refresh that fails while the old token still lives is no
fault yet: the old one is returned. Called from any thread.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from config.settings import Settings
from src.auth import google_oauth
from src.auth.token_file import StoredToken, TokenFile, parse_keys
from src.common.clock import Clock, SystemClock
from src.common.errors import (
    ScopeMissingError,
    SignInNeededError,
    SourceUnavailableError,
    TemporaryError,
    TokenFileError,
)
from src.common.logs import account_tag, get_logger

REFRESH_AHEAD = timedelta(minutes=5)  # so that a token does not end in the middle of a login
LOCK_WAIT_S = 90.0  # above the longest refresh: three tries of 20 s and the waits between
LOCK_POLL_S = 0.05  # how often a waiting process looks at the lock

_log = get_logger(__name__)


def account_of(settings: Settings) -> str:
    """Return the account that signs in, as the settings name it; may be empty."""
    uses_api = settings.use_gmail_api or settings.source == "gmail"
    return (settings.gmail_user if uses_api else "") or settings.imap_user


def wanted_scopes(settings: Settings) -> tuple[str, ...]:
    """Return the scopes that the configured source needs: as little as will do."""
    uses_api = settings.use_gmail_api or settings.source == "gmail"
    return (google_oauth.READ_SCOPE,) if uses_api else (google_oauth.IMAP_SCOPE,)


def missing_scopes(granted: tuple[str, ...], wanted: tuple[str, ...]) -> list[str]:
    """Return the wanted scopes that were not granted; full mail access includes reading."""
    return [scope for scope in wanted if scope not in granted and google_oauth.IMAP_SCOPE not in granted]


def token_file(settings: Settings) -> TokenFile:
    """Return the configured token file. Raises EncryptionKeyError."""
    return TokenFile(Path(settings.google_token_file), parse_keys(settings.encryption_key.get_secret_value()))


def access_token_provider(settings: Settings, clock: Clock | None = None) -> "AccessTokens":
    """Return what gives a valid access token when called; see `AccessTokens.__call__`. Reads nothing yet."""
    return AccessTokens(settings, clock or SystemClock())


class AccessTokens:
    """Gives access tokens to the threads of one process."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._known: StoredToken | None = None
        self._refused = ""

    def forget(self) -> None:
        """Take it that a server refused the token last given: the next call gives another one."""
        with self._lock:
            self._refused = self._known.access_token if self._known else ""

    def __call__(self, refused: str = "") -> str:
        """Return an access token that lives a while longer.

        `refused` is a token that a server has just refused: it is not returned again, a new one is asked for.
        Raises SignInNeededError, ScopeMissingError, EncryptionKeyError, TokenFileError, LoginRefusedError, and
        SourceUnavailableError when Google does not answer.
        """
        with self._lock:
            refused = refused or self._refused
            if self._known is None or not self._is_good(self._known, refused):
                self._known = self._fetch(refused)
            return self._known.access_token

    def _fetch(self, refused: str) -> StoredToken:
        file = token_file(self._settings)
        if not file.exists:
            file.load()  # says what to do, and makes no lock file
        with locked(file.path):
            stored = file.load()
            self._check(stored)
            if self._is_good(stored, refused):
                return stored
            return self._refresh(file, stored, refused)

    def _refresh(self, file: TokenFile, stored: StoredToken, refused: str) -> StoredToken:
        try:
            grant = google_oauth.refresh(
                self._settings, refresh_token=stored.refresh_token, scopes=stored.scopes, clock=self._clock
            )
        except TemporaryError as error:
            if stored.access_token != refused and stored.expires_at > self._clock.now():
                _log.warning("token_refresh_postponed", code=error.code)
                return stored
            raise
        fresh = replace(
            stored,
            access_token=grant.access_token,
            refresh_token=grant.refresh_token or stored.refresh_token,
            expires_at=grant.expires_at,
            scopes=grant.scopes or stored.scopes,
        )
        self._check(fresh)
        _save(file, fresh)
        return fresh

    def _is_good(self, token: StoredToken, refused: str) -> bool:
        return token.access_token != refused and token.expires_at - REFRESH_AHEAD > self._clock.now()

    def _check(self, token: StoredToken) -> None:
        account = account_of(self._settings)
        if account and account.casefold() != token.account.casefold():
            raise SignInNeededError(
                f"the token in {self._settings.google_token_file} is of account {account_tag(token.account)}, and the "
                f"settings name account {account_tag(account)}: sign in with `python producer.py --auth-setup`, or "
                "give each account a GOOGLE_TOKEN_FILE of its own"
            )
        if self._settings.google_client_id != token.client_id:
            raise SignInNeededError(
                "the token was given to another OAuth client than GOOGLE_CLIENT_ID names: put the old id back, or "
                "sign in again with `python producer.py --auth-setup`"
            )
        missing = missing_scopes(token.scopes, wanted_scopes(self._settings))
        if missing:
            raise ScopeMissingError(missing_scopes_text(missing))


def missing_scopes_text(missing: list[str]) -> str:
    """Say which scopes are missing and what to do."""
    return (
        f"Google granted the sign-in without {', '.join(missing)}: run `python producer.py --auth-setup` again and "
        "leave every box of the consent page ticked; if no such box appears, add the scope to the project's consent "
        "screen"
    )


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


def _save(file: TokenFile, token: StoredToken) -> None:
    """Save for the other processes. Failing that, this process still has a good token, and each of the others asks
    for its own: a warning, not an error."""
    try:
        file.save(token)
    except TokenFileError as error:
        _log.warning("token_not_saved", code=error.code)
