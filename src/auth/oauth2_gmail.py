"""Signing in to Gmail: `run_auth_setup`, and the command `python -m src.auth.oauth2_gmail`.

    --setup       sign in (as `python producer.py --auth-setup` does)
    --info        show account, scopes and expiry, never the token
    --revoke      make Google forget the sign-in, and delete the token file

Order of a sign-in: keys and settings checked → consent in the browser, or an address to paste → code for token →
granted scopes checked → saved encrypted. The account is the one the user names (`IMAP_USER`, `GMAIL_USER` or
`--username`): asking Google for it would need one more scope, and a wrong one is told by the login that follows.
Exit codes are those of src/common/exit_codes.py.
"""

import argparse
import json
import os
import sys
import webbrowser
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from config.accounts import accounts_of
from config.settings import Settings, SettingsError, load
from src.auth import google_oauth, loopback
from src.auth.access_token import (
    account_of,
    locked,
    missing_scopes,
    missing_scopes_text,
    token_file,
    wanted_scopes,
)
from src.auth.token_file import StoredToken
from src.common import exit_codes, logs
from src.common.clock import Clock, SystemClock
from src.common.errors import IngestError, LoginRefusedError, ScopeMissingError, SignInFailedError

SIGN_IN_TIMEOUT_S = 600.0  # for the person at the consent page


def run_auth_setup(
    settings: Settings,
    *,
    headless: bool = False,
    timeout_s: float = SIGN_IN_TIMEOUT_S,
    say: Callable[[str], None] | None = None,
    ask: Callable[[], str] | None = None,
    open_browser: Callable[[str], bool] = webbrowser.open,
    clock: Clock | None = None,
) -> StoredToken:
    """Let the person sign in, and save the token.

    Raises SettingsError, EncryptionKeyError, LoginRefusedError, SignInFailedError, ScopeMissingError, TokenFileError or
    SourceUnavailableError; a token that was there before is then still there.
    """
    say, clock = say or _say, clock or SystemClock()
    account = account_of(settings)
    if not account:
        raise SettingsError("IMAP_USER is empty: name the account to sign in, in .env or with --username")
    file = token_file(settings)  # before the consent: a wrong key must not waste it
    scopes = wanted_scopes(settings)
    if headless or not loopback.is_loopback(settings.google_redirect_uri) or not has_browser():
        consent, redirect = _consent_by_paste(settings, account, scopes, say, ask or sys.stdin.readline, timeout_s)
    else:
        consent, redirect = _consent_by_browser(settings, account, scopes, say, open_browser, timeout_s)
    if redirect.error:
        raise SignInFailedError(f"the consent page said no ({_known(redirect.error)}): start again to allow the access")
    grant = google_oauth.exchange_code(settings, consent, redirect.code, clock)
    token = _checked(settings, account, scopes, grant, clock)
    file.make_folder()
    with locked(file.path):
        file.save(token)
    return token


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


def revoke(settings: Settings) -> bool:
    """Revoke the sign-in and delete the token file; return False if Google did not know it any more.

    When Google does not answer, the file stays, so that it can be tried again.
    """
    file = token_file(settings)
    if not file.exists:
        file.load()  # raises with what to do
    with locked(file.path):
        was_known = google_oauth.revoke(settings, file.load().refresh_token)
        file.delete()
    return was_known


def info(settings: Settings) -> dict[str, object]:
    """Return what may be shown of the token: account, scopes, times; never the token."""
    file = token_file(settings)
    token = file.load()
    return {
        "account": token.account,
        "account_tag": logs.account_tag(token.account),
        "scopes": list(token.scopes),
        "signed_in_at": token.signed_in_at.isoformat(),
        "access_expires_at": token.expires_at.isoformat(),
        "access_is_valid": token.expires_at > datetime.now(UTC),
        "refreshes_itself": bool(token.refresh_token),
        "is_under_newest_key": file.is_under_newest_key(),
        "token_file": str(file.path),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        overrides = {"imap_user": options.username, "gmail_user": options.username} if options.username else {}
        settings = load(**overrides)
        logs.configure(level=settings.log_level, format_=settings.log_format)
        accounts = accounts_of(settings, only=options.account, winning=overrides)
        if len(accounts) > 1:
            raise SettingsError("ACCOUNTS_FILE lists several accounts: say with --account NAME which one is meant")
        return int(options.run(accounts[0].settings, options))
    except (IngestError, SettingsError) as error:
        sys.stderr.write(f"{error}\n  [{error.code}] see docs/runbooks/{error.code}.md\n")
        return exit_codes.exit_code_of(error)
    except KeyboardInterrupt:
        return exit_codes.STOPPED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m src.auth.oauth2_gmail", description="Signing in to Gmail.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--setup", dest="run", action="store_const", const=_run_setup, help="sign in")
    what.add_argument(
        "--info", dest="run", action="store_const", const=_run_info, help="show account, scopes, expiry; no token"
    )
    what.add_argument(
        "--revoke", dest="run", action="store_const", const=_run_revoke, help="revoke at Google, delete the file"
    )
    parser.add_argument("--username", default="", help="the account (IMAP_USER)")
    parser.add_argument("--account", default="", help="the account of ACCOUNTS_FILE")
    parser.add_argument("--headless", action="store_true", help="print the address, paste the redirected one")
    parser.add_argument("--json", action="store_true", help="for --info: one JSON object")
    return parser


def _run_setup(settings: Settings, options: argparse.Namespace) -> int:
    token = run_auth_setup(settings, headless=options.headless)
    sys.stdout.write(f"Signed in as {token.account}. The token is in {settings.google_token_file}, encrypted.\n")
    return exit_codes.OK


def _run_info(settings: Settings, options: argparse.Namespace) -> int:
    found = info(settings)
    if options.json:
        sys.stdout.write(json.dumps(found) + "\n")
        return exit_codes.OK
    for name, value in found.items():
        text = ", ".join(value) if isinstance(value, list) else str(value)
        sys.stdout.write(f"{name.replace('_', ' '):<20} {text}\n")
    return exit_codes.OK


def _run_revoke(settings: Settings, _options: argparse.Namespace) -> int:
    told = "revoked" if revoke(settings) else "Google did not know it any more"
    sys.stdout.write(f"Sign-in ended ({told}); the token file is deleted.\n")
    return exit_codes.OK


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
    )


def _known(error: str) -> str:
    """Return an error of the redirect if it looks like a code of RFC 6749, since anybody may have written it."""
    return error if error.isascii() and error.replace("_", "").isalpha() and len(error) <= 64 else "no known reason"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
