"""The token of a person's sign-in, as far as the token file tells without asking Google."""

from collections.abc import Generator, Iterator
from datetime import datetime, timedelta

from config.settings import Settings
from src.auth.scopes import account_of, missing_scopes, missing_scopes_text, wanted_scopes
from src.auth.signed_in import token_file
from src.auth.token_file import StoredToken
from src.cli.checks.check import Check, green, judged, red, yellow
from src.cli.output import moment
from src.common.errors import IngestError
from src.common.logs import redact
from src.common.sign_in_command import AUTH_SETUP

TESTING_LIFE = timedelta(days=7)  # of a sign-in, while the OAuth app is in Testing
ACCESS_LIFE = timedelta(hours=1)  # of an access token, so that its end tells when the sign-in was last used
UNUSED_LIFE = timedelta(days=180)  # after which Google ends a sign-in that nobody used
SEE_ONLINE = f"see with `doctor --online` whether it still works; if not, {AUTH_SETUP}"
PUBLISH = (
    "if the OAuth app is in Testing, publish it (Google Cloud console, OAuth consent screen, Publish app), then sign "
    f"in again with {AUTH_SETUP}: a sign-in keeps the end it was given"
)


def token_checks(area: str, settings: Settings, now: datetime) -> Generator[Check, None, bool]:
    """Yield what the file tells; return whether it is worth while to ask Google with it."""
    has_client = bool(settings.google_client_id and settings.google_client_secret.get_secret_value())
    found = "set" if has_client else "GOOGLE_CLIENT_ID or GOOGLE_CLIENT_SECRET is empty"
    yield judged(area, "OAuth client", is_ok=has_client, found=found, mend="see docs/howto/sign-in-to-gmail.md")
    try:
        file = token_file(settings)
        token, is_newest = file.load(), file.is_under_newest_key()
    except IngestError as error:
        yield red(area, "token", redact(str(error)), f"see docs/runbooks/{error.code}.md")
        return False
    yield from _fitting(area, settings, token)
    yield age_check(area, token, now)
    lives = "lives" if token.expires_at > now else "ended; refreshed when needed"
    yield green(area, "access token", f"until {moment(token.expires_at)}: {lives}")
    if not is_newest:
        mend = "nothing to do: the next refresh writes it under the newest; keep the old key until then"
        yield yellow(area, "encryption key", "the token is under an older key of ENCRYPTION_KEY", mend)
    return True


def _fitting(area: str, settings: Settings, token: StoredToken) -> Iterator[Check]:
    is_of_account = token.account.casefold() == account_of(settings).casefold()
    mend = f"sign in as the account of the settings: {AUTH_SETUP}"
    yield judged(area, "token's account", is_ok=is_of_account, found=token.account, mend=mend)
    wanted = wanted_scopes(settings)
    missing = missing_scopes(token.scopes, wanted)
    granted = ", ".join(token.scopes)
    is_wider = not missing and not set(wanted) & set(token.scopes)
    found = f"{granted}: more than is needed ({', '.join(wanted)})" if is_wider else granted
    yield judged(area, "scopes", is_ok=not missing, found=found, mend=missing_scopes_text(missing))


def age_check(area: str, token: StoredToken, now: datetime) -> Check:
    """Tell how long the sign-in has lived, and whether it looks as if it ends, or has ended, by itself."""
    name, since = "sign-in", f"of {moment(token.signed_in_at)}"
    if token.ends_at is not None and token.ends_at > now:
        return yellow(area, name, f"{since}: Google ends it at {moment(token.ends_at)}", PUBLISH)
    if token.ends_at is not None:
        return red(area, name, f"{since}: ended at {moment(token.ends_at)}, as Google had told", PUBLISH)
    if now - _last_used_at(token) >= UNUSED_LIFE:
        return yellow(area, name, f"{since}: unused for six months, so Google has likely ended it", SEE_ONLINE)
    if ended_as_in_testing(token, now):
        return yellow(area, name, f"{since}: not refreshed since its seventh day", f"{SEE_ONLINE}; {PUBLISH}")
    if _last_used_at(token) - token.signed_in_at > TESTING_LIFE:
        return green(area, name, f"{since}: outlived the 7 days of an app in Testing")
    testing_end = moment(token.signed_in_at + TESTING_LIFE)
    return green(area, name, f"{since}; if the OAuth app is in Testing, Google ends it at {testing_end}")


def ended_as_in_testing(token: StoredToken, now: datetime) -> bool:
    """Tell whether a sign-in that does not work any more ended as those of an app in Testing do.

    Whether the app is in Testing cannot be asked; but Google may have told the end, and a refresh after the seventh day
    proves that it is not.
    """
    if token.ends_at is not None:
        return token.ends_at <= now
    is_past = now - token.signed_in_at >= TESTING_LIFE
    return is_past and _last_used_at(token) - token.signed_in_at <= TESTING_LIFE


def _last_used_at(token: StoredToken) -> datetime:
    return max(token.signed_in_at, token.expires_at - ACCESS_LIFE)
