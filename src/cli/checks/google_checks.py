"""What Google says when asked: does it give tokens, is our clock right, whose mailbox is it?"""

from collections.abc import Callable, Iterator

from config.settings import Settings
from src.auth.access_token import access_token_provider
from src.auth.profile import is_same_mailbox, profile_address
from src.auth.scopes import account_of, reads_api
from src.auth.signed_in import token_file
from src.auth.token_endpoint import server_time
from src.cli.checks.check import Check, green, judged, red, yellow
from src.cli.checks.token_checks import PUBLISH, ended_as_in_testing
from src.common.clock import Clock
from src.common.errors import IngestError, SignInNeededError
from src.common.logs import redact
from src.common.sign_in_command import AUTH_SETUP

MAX_CLOCK_OFF_S = 60.0  # Google refuses a service account's assertion at about five minutes


def google_checks(area: str, settings: Settings, clock: Clock) -> Iterator[Check]:
    """Have a fresh access token made, and look with it whose mailbox it opens where the Gmail API is read."""
    yield guarded_check(area, "clock", lambda: _clock(area, settings, clock))
    name = "delegation" if settings.google_service_account_file else "refresh"
    try:
        token = _fresh_token(settings, clock)
    except IngestError as error:
        yield red(area, name, redact(str(error)), _mend(settings, clock, error))
        return
    yield green(area, name, "Google gives access tokens")
    if reads_api(settings):
        yield guarded_check(area, "mailbox", lambda: _mailbox(area, settings, token))


def guarded(area: str, name: str, look: Callable[[], str]) -> Check:
    """Return a green check of what `look` found, a red one of its error."""
    return guarded_check(area, name, lambda: green(area, name, look()))


def guarded_check(area: str, name: str, look: Callable[[], Check]) -> Check:
    """Return the check that `look` makes, a red one of its error."""
    try:
        return look()
    except IngestError as error:
        return red(area, name, redact(str(error)), f"see docs/runbooks/{error.code}.md")


def _fresh_token(settings: Settings, clock: Clock) -> str:
    """Return a token made just now: one that was made before proves nothing of the sign-in."""
    by_key = bool(settings.google_service_account_file)
    return access_token_provider(settings, clock)("" if by_key else token_file(settings).load().access_token)


def _mend(settings: Settings, clock: Clock, error: IngestError) -> str:
    runbook = f"see docs/runbooks/{error.code}.md"
    if not isinstance(error, SignInNeededError):
        return runbook
    in_testing = ended_as_in_testing(token_file(settings).load(), clock.now())
    return f"{PUBLISH}; {runbook}" if in_testing else runbook


def _clock(area: str, settings: Settings, clock: Clock) -> Check:
    theirs = server_time(settings.google_token_uri)
    if theirs is None:
        return green(area, "clock", "Google's server does not tell its time")
    off_s = (clock.now() - theirs).total_seconds()
    found = f"{abs(off_s):.0f} s {'ahead of' if off_s > 0 else 'behind'} Google's"
    if abs(off_s) <= MAX_CLOCK_OFF_S:
        return green(area, "clock", found)
    return yellow(area, "clock", found, "set this machine's clock, best by NTP: tokens would be renewed too late")


def _mailbox(area: str, settings: Settings, token: str) -> Check:
    found = profile_address(settings, token)
    mend = (
        f"sign in as the account of the settings: {AUTH_SETUP}; "
        "if that is an alias, put the main address into GMAIL_USER"
    )
    return judged(area, "mailbox", is_ok=is_same_mailbox(found, account_of(settings)), found=found, mend=mend)
