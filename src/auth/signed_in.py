"""SignedIn: access tokens from a person's sign-in, refreshed by one process for all.

Order: under the lock file, the token on disk (another process may have refreshed it) → a refresh, saved for the others.
A refresh that fails while the old token still lives is no fault yet: the old one is given.
"""

from dataclasses import replace
from pathlib import Path

from config.settings import Settings
from src.auth import google_oauth
from src.auth.mint import AccessToken
from src.auth.scopes import account_of, missing_scopes, missing_scopes_text, wanted_scopes
from src.auth.shared_lock import locked
from src.auth.sign_in_mark import Mark, sign_in_mark
from src.auth.token_file import StoredToken, TokenFile, parse_keys
from src.common.clock import Clock
from src.common.errors import ScopeMissingError, SignInNeededError, TemporaryError, TokenFileError
from src.common.logs import account_tag, get_logger
from src.common.sign_in_command import AUTH_SETUP

_log = get_logger(__name__)


def token_file(settings: Settings) -> TokenFile:
    """Return the configured token file. Raises EncryptionKeyError."""
    return TokenFile(Path(settings.google_token_file), parse_keys(settings.encryption_key.get_secret_value()))


class SignedIn:
    """Plays Mint from the token file of the settings."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    def mark(self) -> Mark:
        """As in Mint: of the sign-in."""
        return sign_in_mark(self._settings)

    def mint(self, refused: str) -> AccessToken:
        """As in Mint."""
        file = token_file(self._settings)
        if not file.exists:
            file.load()  # says what to do, and makes no lock file
        with locked(file.path):
            stored = file.load()
            check_fits(stored, self._settings)
            held = _access_of(stored)
            return held if held.is_good(self._clock.now(), refused) else self._refreshed(file, stored, refused)

    def _refreshed(self, file: TokenFile, stored: StoredToken, refused: str) -> AccessToken:
        try:
            grant = google_oauth.refresh(
                self._settings, refresh_token=stored.refresh_token, scopes=stored.scopes, clock=self._clock
            )
        except TemporaryError as error:
            held = _access_of(stored)
            if held.still_serves(self._clock.now(), refused):
                _log.warning("token_refresh_postponed", code=error.code)
                return held
            raise
        fresh = replace(
            stored,
            access_token=grant.access_token,
            refresh_token=grant.refresh_token or stored.refresh_token,
            expires_at=grant.expires_at,
            scopes=grant.scopes or stored.scopes,
            ends_at=grant.ends_at or stored.ends_at,
        )
        check_fits(fresh, self._settings)
        _save(file, fresh)
        return _access_of(fresh)


def check_fits(token: StoredToken, settings: Settings) -> None:
    """Raise SignInNeededError or ScopeMissingError if the token is not one that these settings may work with."""
    account = account_of(settings)
    if account and account.casefold() != token.account.casefold():
        raise SignInNeededError(
            f"the token in {settings.google_token_file} is of account {account_tag(token.account)}, and the "
            f"settings name account {account_tag(account)}: sign in with {AUTH_SETUP}, or "
            "give each account a GOOGLE_TOKEN_FILE of its own"
        )
    if settings.google_client_id != token.client_id:
        raise SignInNeededError(
            "the token was given to another OAuth client than GOOGLE_CLIENT_ID names: put the old id back, or "
            f"sign in again with {AUTH_SETUP}"
        )
    missing = missing_scopes(token.scopes, wanted_scopes(settings))
    if missing:
        raise ScopeMissingError(missing_scopes_text(missing))


def _access_of(stored: StoredToken) -> AccessToken:
    return AccessToken(stored.access_token, stored.expires_at)


def _save(file: TokenFile, token: StoredToken) -> None:
    """Save for the other processes. Failing that, this process still has a good token, and each of the others asks
    for its own: a warning, not an error."""
    try:
        file.save(token)
    except TokenFileError as error:
        _log.warning("token_not_saved", code=error.code)
