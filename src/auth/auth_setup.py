"""Setting up an account: a person signs in, or the service account is tried.

Order of a sign-in: keys and settings checked → consent in the browser, or an address to paste → code for token →
granted scopes checked → whose mailbox it opens checked, where that can be asked → saved encrypted. The account is the
one the user names (`IMAP_USER`, `GMAIL_USER` or `--username`). Over IMAP another one is told by the login that follows;
through the Gmail API nothing else would tell. A sign-in whose mailbox cannot be looked at is kept all the same, since
it took a person to make it, and what was in the way is told.
"""

import os
import sys
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass

from config.settings import Settings, SettingsError
from src.auth import google_oauth, loopback
from src.auth.profile import is_same_mailbox, profile_address
from src.auth.scopes import account_of, missing_scopes, missing_scopes_text, names_account, reads_api, wanted_scopes
from src.auth.service_account import DelegatedAccess
from src.auth.shared_lock import locked
from src.auth.signed_in import token_file
from src.auth.token_endpoint import known_code
from src.auth.token_file import StoredToken
from src.common import exit_codes
from src.common.clock import Clock, SystemClock
from src.common.errors import (
    IngestError,
    LoginRefusedError,
    ScopeMissingError,
    SignInFailedError,
)
from src.common.logs import account_tag, redact

SIGN_IN_TIMEOUT_S = 600.0  # for the person at the consent page


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in that is done, and kept."""

    token: StoredToken
    flaw: IngestError | None  # why the mailbox could not be looked at; None: it could, or IMAP's login will tell


@dataclass(frozen=True, slots=True)
class SetUp:
    """How a set-up ended that nobody has to repeat, whatever its flaw."""

    said: str  # what is now so
    flaw: IngestError | None  # as in SignIn

    @property
    def exit_code(self) -> int:
        """Return what the command ends with: of a flaw not that of the error, for no sign-in failed."""
        return exit_codes.INCOMPLETE if self.flaw else exit_codes.OK

    @property
    def text(self) -> str:
        """Return what to tell the person."""
        if self.flaw is None:
            return self.said
        return (
            f"{self.said}\nBut the mailbox could not be looked at: {redact(str(self.flaw))}\n"
            "  Once that is mended, `python -m src.cli doctor --online` says whose mailbox it is and whether it may be "
            f"read. Nobody has to sign in again.\n  [{self.flaw.code}] see docs/runbooks/{self.flaw.code}.md"
        )


def set_up(settings: Settings, *, headless: bool = False) -> SetUp:
    """Let a person sign in, or try the service account where one is set.

    Raises what `run_auth_setup` raises, or DelegationRefusedError.
    """
    if not settings.google_service_account_file:
        done = run_auth_setup(settings, headless=headless)
        kept = f"The token is in {settings.google_token_file}, encrypted."
        return SetUp(f"Signed in as {done.token.account}. {kept}", done.flaw)
    account = _account_or_error(settings)
    minted = DelegatedAccess(settings, SystemClock()).mint("")
    said = f"The service account may act for {account}: nobody has to sign in, and nothing is stored."
    looked = _looked_at(settings, minted.token) if reads_api(settings) else ""
    return SetUp(said, looked if isinstance(looked, IngestError) else None)


def run_auth_setup(
    settings: Settings,
    *,
    headless: bool = False,
    timeout_s: float = SIGN_IN_TIMEOUT_S,
    say: Callable[[str], None] | None = None,
    ask: Callable[[], str] | None = None,
    open_browser: Callable[[str], bool] = webbrowser.open,
    clock: Clock | None = None,
) -> SignIn:
    """Let the person sign in, and save the token.

    Raises SettingsError, EncryptionKeyError, LoginRefusedError, SignInFailedError, ScopeMissingError, TokenFileError or
    SourceUnavailableError; a token that was there before is then still there.
    """
    say, clock = say or _say, clock or SystemClock()
    account = _account_or_error(settings)
    file = token_file(settings)  # before the consent: a wrong key must not waste it
    scopes = wanted_scopes(settings)
    if headless or not loopback.is_loopback(settings.google_redirect_uri) or not has_browser():
        consent, redirect = _consent_by_paste(settings, account, scopes, say, ask or sys.stdin.readline, timeout_s)
    else:
        consent, redirect = _consent_by_browser(settings, account, scopes, say, open_browser, timeout_s)
    if redirect.error:
        said = known_code(redirect.error)
        raise SignInFailedError(f"the consent page said no ({said}): start again to allow the access")
    grant = google_oauth.exchange_code(settings, consent, redirect.code, clock)
    token = _checked(settings, account, scopes, grant, clock)
    flaw = _checked_mailbox(settings, token) if reads_api(settings) else None
    file.make_folder()
    with locked(file.path):
        file.save(token)
    return SignIn(token, flaw)


def has_browser() -> bool:
    """Tell whether a graphical browser can be opened here."""
    shown = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
    if sys.platform.startswith("linux") and not shown:
        return False  # what `webbrowser` would find there is a text browser in this very terminal
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def _account_or_error(settings: Settings) -> str:
    account = account_of(settings)
    if not account:
        raise SettingsError(
            f"{names_account(settings)} is empty: name the account to sign in, in .env or with --username"
        )
    return account


def _consent_by_browser(
    settings: Settings,
    account: str,
    scopes: tuple[str, ...],
    say: Callable[[str], None],
    open_browser: Callable[[str], bool],
    timeout_s: float,
) -> tuple[google_oauth.Consent, loopback.Redirect]:
    with loopback.listening(settings.google_redirect_uri) as listener:
        consent = google_oauth.begin_consent(
            settings, account=account, scopes=scopes, redirect_uri=listener.redirect_uri
        )
        say(f"Opening the browser. If none comes up, open this address on this machine:\n\n{consent.address}\n")
        open_browser(consent.address)
        return consent, listener.wait(consent.state, timeout_s)


def _consent_by_paste(
    settings: Settings,
    account: str,
    scopes: tuple[str, ...],
    say: Callable[[str], None],
    ask: Callable[[], str],
    timeout_s: float,
) -> tuple[google_oauth.Consent, loopback.Redirect]:
    redirect_uri = loopback.paste_redirect_uri(settings.google_redirect_uri)
    consent = google_oauth.begin_consent(settings, account=account, scopes=scopes, redirect_uri=redirect_uri)
    say(
        f"Open this address in a browser, on any machine:\n\n{consent.address}\n\n"
        f"At the end the browser goes to an address that begins with {redirect_uri} and cannot show it. That is "
        "meant to be: copy that whole address from the address bar, paste it here and press Enter."
    )
    return consent, loopback.ask_for_paste(consent.state, ask=ask, say=say, timeout_s=timeout_s)


def _checked(
    settings: Settings, account: str, scopes: tuple[str, ...], grant: google_oauth.Grant, clock: Clock
) -> StoredToken:
    granted = grant.scopes or scopes  # RFC 6749 section 5.1: not told means as asked
    missing = missing_scopes(granted, scopes)
    if missing:
        raise ScopeMissingError(missing_scopes_text(missing))
    if not grant.refresh_token:
        raise LoginRefusedError(
            "Google gave no refresh token, so the sign-in would end within the hour: check that the OAuth client is "
            "of type desktop app, remove the app's access at myaccount.google.com/permissions, and start again"
        )
    return StoredToken(
        account=account,
        client_id=settings.google_client_id,
        scopes=granted,
        signed_in_at=clock.now(),
        expires_at=grant.expires_at,
        access_token=grant.access_token,
        refresh_token=grant.refresh_token,
        ends_at=grant.ends_at,
    )


def _checked_mailbox(settings: Settings, token: StoredToken) -> IngestError | None:
    """Return what kept the mailbox from being looked at, if anything did.

    Raises SignInFailedError if somebody else signed in. The grant is left alone: that account may be another of ours,
    and taking back one sign-in of a client takes back all of that account.
    """
    found = _looked_at(settings, token.access_token)
    if isinstance(found, IngestError):
        return found
    if not is_same_mailbox(found, token.account):
        raise SignInFailedError(
            f"another account was chosen on the consent page (tag {account_tag(found)}) than the settings name (tag "
            f"{account_tag(token.account)}): start again and choose the one that the settings name, or, if that is an "
            "alias, put the main address into GMAIL_USER"
        )
    return None


def _looked_at(settings: Settings, access_token: str) -> str | IngestError:
    """Return the address of the mailbox that the token opens, or what was in the way."""
    try:
        return profile_address(settings, access_token)
    except IngestError as error:
        return error


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
