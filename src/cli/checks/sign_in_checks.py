"""Signing in: is there what the login needs, and, when asked to go online, do Google and the mail server let us in?"""

from collections.abc import Callable, Iterator

from config.settings import LOOPBACK, Settings
from src.auth.scopes import account_of, names_account, reads_api
from src.cli.checks.check import Check, green, judged, red, yellow
from src.cli.checks.google_checks import google_checks, guarded
from src.cli.checks.key_file_checks import key_file_checks
from src.cli.checks.token_checks import token_checks
from src.common.clock import Clock

AREA = "sign-in"


def sign_in_checks(settings: Settings, clock: Clock, try_login: Callable[[], str] | None) -> Iterator[Check]:
    """Look at what the login needs.

    `try_login` logs in at the mail server and returns what it found; None: stay offline. Where the Gmail API is read,
    no mail server is logged in to: Google is asked whose mailbox it is.
    """
    if not account_of(settings):
        mend = f"set {names_account(settings)} in .env; imports of files need none"
        yield yellow(AREA, "account", "no account is configured: only files can be read", mend)
        return
    yield green(AREA, "account", account_of(settings))
    is_online = try_login is not None
    if reads_api(settings):
        yield from _by_google(settings, clock, is_online=is_online)
        return
    if settings.imap_tls == "none" and settings.imap_host not in LOOPBACK:
        mend = "set IMAP_TLS=implicit or starttls"
        yield red(AREA, "TLS", "none: the password or token crosses the network in clear", mend)
    if settings.imap_auth == "password":
        is_set = bool(settings.imap_password.get_secret_value())
        mend = "set IMAP_PASSWORD in .env"
        yield judged(AREA, "password", is_ok=is_set, found="set" if is_set else "IMAP_PASSWORD is empty", mend=mend)
    else:
        yield from _by_google(settings, clock, is_online=is_online)
    if try_login is not None:
        yield guarded(AREA, "login", try_login)


def _by_google(settings: Settings, clock: Clock, *, is_online: bool) -> Iterator[Check]:
    """Look at the sign-in of a person, or at the key of a service account; online, try it at Google."""
    if settings.google_service_account_file:
        may_ask = yield from key_file_checks(AREA, settings)
    else:
        may_ask = yield from token_checks(AREA, settings, clock.now())
    if is_online and may_ask:
        yield from google_checks(AREA, settings, clock)
