"""Signing in: is there what the login needs, and, when asked to go online, does the mail server let us in?"""

from collections.abc import Callable, Iterator

from config.settings import Settings
from src.auth.access_token import (
    access_token_provider,
    account_of,
    missing_scopes,
    missing_scopes_text,
    token_file,
    wanted_scopes,
)
from src.cli.checks.check import Check, green, judged, red, yellow
from src.cli.output import moment
from src.common.clock import Clock
from src.common.errors import IngestError
from src.common.logs import redact

AREA = "sign-in"
LOOPBACK = ("localhost", "127.0.0.1", "::1")  # where a connection without TLS stays in the machine
_SETUP = "`python producer.py --auth-setup`"


def sign_in_checks(settings: Settings, clock: Clock, try_login: Callable[[], str] | None) -> Iterator[Check]:
    """Look at what the login needs; `try_login` logs in and returns what it found, None: stay offline."""
    if not account_of(settings):
        mend = "set IMAP_USER in .env; imports of files need none"
        yield yellow(AREA, "account", "no account is configured: only files can be read", mend)
        return
    yield green(AREA, "account", account_of(settings))
    uses_api = settings.use_gmail_api or settings.source == "gmail"
    if not uses_api and settings.imap_tls == "none" and settings.imap_host not in LOOPBACK:
        mend = "set IMAP_TLS=implicit or starttls"
        yield red(AREA, "TLS", "none: the password or token crosses the network in clear", mend)
    if not uses_api and settings.imap_auth == "password":
        is_set = bool(settings.imap_password.get_secret_value())
        mend = "set IMAP_PASSWORD in .env"
        yield judged(AREA, "password", is_ok=is_set, found="set" if is_set else "IMAP_PASSWORD is empty", mend=mend)
    else:
        yield from _token(settings, clock, is_online=try_login is not None)
    if try_login is not None:
        yield _guarded("login", try_login)


def _token(settings: Settings, clock: Clock, *, is_online: bool) -> Iterator[Check]:
    has_client = bool(settings.google_client_id and settings.google_client_secret.get_secret_value())
    found = "set" if has_client else "GOOGLE_CLIENT_ID or GOOGLE_CLIENT_SECRET is empty"
    yield judged(AREA, "OAuth client", is_ok=has_client, found=found, mend="see docs/howto/sign-in-to-gmail.md")
    try:
        file = token_file(settings)
        token = file.load()
    except IngestError as error:
        yield red(AREA, "token", redact(str(error)), f"see docs/runbooks/{error.code}.md")
        return
    is_of_account = token.account.casefold() == account_of(settings).casefold()
    mend = f"sign in as the account of the settings: {_SETUP}"
    yield judged(AREA, "token's account", is_ok=is_of_account, found=token.account, mend=mend)
    missing = missing_scopes(token.scopes, wanted_scopes(settings))
    yield judged(AREA, "scopes", is_ok=not missing, found=", ".join(token.scopes), mend=missing_scopes_text(missing))
    lives = "lives" if token.expires_at > clock.now() else "ended; refreshed when needed"
    yield green(AREA, "access token", f"until {moment(token.expires_at)}: {lives}")
    if not file.is_under_newest_key():
        mend = "nothing to do: the next refresh writes it under the newest; keep the old key until then"
        yield yellow(AREA, "encryption key", "the token is under an older key of ENCRYPTION_KEY", mend)
    if is_online:
        yield _guarded("refresh", lambda: "Google gives access tokens" if access_token_provider(settings)() else "")


def _guarded(name: str, look: Callable[[], str]) -> Check:
    try:
        return green(AREA, name, look())
    except IngestError as error:
        return red(AREA, name, redact(str(error)), f"see docs/runbooks/{error.code}.md")
