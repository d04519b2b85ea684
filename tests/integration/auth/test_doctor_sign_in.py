"""What `doctor` says of a sign-in, and what it finds out when it goes online."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet

from config.settings import Settings, load
from src.auth.google_oauth import IMAP_SCOPE, READ_SCOPE
from src.auth.signed_in import token_file
from src.auth.token_file import StoredToken
from src.cli.checks.check import Check, State
from src.cli.checks.sign_in_checks import sign_in_checks
from src.common.clock import SystemClock
from src.common.errors import LoginRefusedError
from tests.fakes.clock import FakeClock
from tests.fakes.gmail import faults
from tests.fakes.gmail.errors import ApiError
from tests.fakes.gmail.fake_gmail import FakeGmail
from tests.fakes.google_oauth import FakeGoogle, Mood

from .conftest import ACCOUNT, SIGNED_IN_AT

SignedIn = Callable[..., StoredToken]
DAY = timedelta(days=1)


def look(
    settings: Settings, try_login: Callable[[], str] | None = None, *, at: datetime | None = None
) -> dict[str, Check]:
    """Return the checks by name; `at`: what the clock shows, if not the true time."""
    clock = SystemClock() if at is None else FakeClock(at)
    return {check.name: check for check in sign_in_checks(settings, clock, try_login)}


def no_mail_server() -> str:
    raise AssertionError("the Gmail API is read, so no mail server is asked")


def test_a_good_sign_in_is_green_and_offline_asks_nobody(
    google: FakeGoogle, settings: Settings, signed_in: SignedIn
) -> None:
    token = signed_in()
    checks = look(settings, at=SIGNED_IN_AT + DAY)
    assert {check.state for check in checks.values()} == {State.GREEN}
    assert "refreshed when needed" in checks["access token"].found
    assert google.refreshes == 0
    assert not [check for check in checks.values() if token.refresh_token in check.found]


@pytest.mark.parametrize(
    ("last_used", "ends", "now", "state", "word"),
    [
        (1, None, 2, State.GREEN, "if the OAuth app is in Testing"),  # young: nobody knows
        (8, None, 9, State.GREEN, "outlived"),  # refreshed on the eighth day: not in Testing
        (6.9, None, 7.5, State.YELLOW, "seventh day"),  # silent since then: likely ended
        (8, None, 200, State.YELLOW, "six months"),
        (1, 7, 2, State.YELLOW, "Google ends it"),  # Google told the end
        (6.9, 7, 8, State.RED, "ended"),
    ],
)
def test_the_age_of_a_sign_in_tells_of_an_app_in_testing(
    settings: Settings, signed_in: SignedIn, last_used: float, ends: float | None, now: float, state: State, word: str
) -> None:
    """All in days after the sign-in."""
    used_at = SIGNED_IN_AT + last_used * DAY
    signed_in(expires_at=used_at + timedelta(hours=1), ends_at=None if ends is None else SIGNED_IN_AT + ends * DAY)
    check = look(settings, at=SIGNED_IN_AT + now * DAY)["sign-in"]
    assert (check.state, word in check.found) == (state, True), check
    assert ("Publish app" in check.mend) == (state is not State.GREEN and word != "six months")


def test_a_token_that_may_more_than_it_must_serves_and_is_told(
    environment: dict[str, str], signed_in: SignedIn
) -> None:
    signed_in(scopes=(IMAP_SCOPE,))
    check = look(load(use_gmail_api=True))["scopes"]
    assert check.state is State.GREEN
    assert f"more than is needed ({READ_SCOPE})" in check.found


def test_a_token_of_somebody_else_or_without_the_scope_is_red(settings: Settings, signed_in: SignedIn) -> None:
    signed_in(account="bob@example.org", scopes=(READ_SCOPE,))
    checks = look(settings)
    assert checks["token's account"].state is checks["scopes"].state is State.RED
    assert "--auth-setup" in checks["scopes"].mend


def test_a_token_under_an_older_key_is_noted(
    environment: dict[str, str], settings: Settings, signed_in: SignedIn
) -> None:
    signed_in()
    rotated = load(encryption_key=f"{Fernet.generate_key().decode()},{environment['ENCRYPTION_KEY']}")
    assert look(rotated)["encryption key"].state is State.YELLOW


def recently(**changes: Any) -> dict[str, Any]:
    """Values of a sign-in of an hour ago, whose access token lives."""
    now = SystemClock().now()
    return {
        "signed_in_at": now - timedelta(hours=1),
        "expires_at": now + timedelta(minutes=50),
        "access_token": "ya29.alive",
        **changes,
    }


def test_online_finds_a_revoked_sign_in_even_while_its_last_access_token_lives(
    google: FakeGoogle, settings: Settings, signed_in: SignedIn
) -> None:
    signed_in(**recently())
    assert look(settings, lambda: "logged in")["refresh"].state is State.GREEN
    google.sign_out(ACCOUNT)
    checks = look(settings, lambda: "logged in")
    assert (checks["refresh"].state, checks["refresh"].mend) == (State.RED, "see docs/runbooks/sign_in_needed.md")


def test_a_sign_in_that_ended_on_its_seventh_day_points_at_testing(
    google: FakeGoogle, settings: Settings, signed_in: SignedIn
) -> None:
    now = SystemClock().now()
    signed_in(signed_in_at=now - 7.2 * DAY, expires_at=now - 0.3 * DAY)
    google.mood = Mood.INVALID_GRANT
    check = look(settings, lambda: "logged in")["refresh"]
    assert check.state is State.RED
    assert "Publish app" in check.mend


@pytest.mark.parametrize(("off_s", "state"), [(0, State.GREEN), (-600, State.YELLOW), (600, State.YELLOW)])
def test_a_wrong_clock_is_told(settings: Settings, signed_in: SignedIn, off_s: float, state: State) -> None:
    signed_in(**recently())
    now = SystemClock().now() + timedelta(seconds=off_s)
    assert look(settings, lambda: "logged in", at=now)["clock"].state is state


def test_for_the_api_google_is_asked_whose_mailbox_it_is(
    gmail: FakeGmail, environment: dict[str, str], signed_in: SignedIn
) -> None:
    settings = load(use_gmail_api=True)
    signed_in(scopes=(READ_SCOPE,), refresh_token=gmail.google.issue_refresh_token(READ_SCOPE))
    checks = look(settings, no_mail_server)
    assert (checks["mailbox"].state, checks["mailbox"].found) == (State.GREEN, ACCOUNT)
    gmail.add_account("bea@example.org")
    signed_in(scopes=(READ_SCOPE,), refresh_token=gmail.google.issue_refresh_token(READ_SCOPE, "bea@example.org"))
    wrong = look(settings, no_mail_server)["mailbox"]
    assert (wrong.state, wrong.found) == (State.RED, "bea@example.org")


@pytest.mark.parametrize(
    ("fault", "runbook"),
    [
        (faults.error(lambda: ApiError(403, "accessNotConfigured", "Gmail API has not been used.")), "login_refused"),
        (faults.INSUFFICIENT_PERMISSIONS, "scope_missing"),
        (faults.DOMAIN_POLICY, "login_refused"),
        (faults.UNAUTHENTICATED, "login_refused"),
        (faults.throttled(403), "source_unavailable"),
        (faults.FAILED_PRECONDITION, "source_unavailable"),
        (faults.server_error(502), "source_unavailable"),
        (faults.broken_json(), "source_unavailable"),
        (faults.broken_json(b"[1]"), "source_unavailable"),
        (faults.HANGS_UP, "source_unavailable"),
    ],
)
def test_a_mailbox_that_cannot_be_looked_at_is_red(
    gmail: FakeGmail, environment: dict[str, str], signed_in: SignedIn, fault: faults.Fault, runbook: str
) -> None:
    signed_in(scopes=(READ_SCOPE,), refresh_token=gmail.google.issue_refresh_token(READ_SCOPE))
    gmail.faults.add(fault, "getProfile")
    check = look(load(use_gmail_api=True), no_mail_server)["mailbox"]
    assert (check.state, check.mend) == (State.RED, f"see docs/runbooks/{runbook}.md")
    assert token_file(load()).load().access_token not in check.found


def test_a_refused_login_is_red(settings: Settings, signed_in: SignedIn) -> None:
    signed_in()

    def refused() -> str:
        raise LoginRefusedError("the mail server refuses the token")

    assert look(settings, refused)["login"].state is State.RED


@pytest.mark.parametrize(("host", "state"), [("imap.example.org", State.RED), ("127.0.0.1", None)])
def test_a_password_in_the_clear_is_red_unless_it_stays_in_the_machine(
    settings: Settings, host: str, state: State | None
) -> None:
    checks = look(load(imap_auth="password", imap_password="x", imap_tls="none", imap_host=host))
    assert (checks["TLS"].state if "TLS" in checks else None) is state
    assert checks["password"].state is State.GREEN


def test_an_empty_password_is_red(settings: Settings) -> None:
    assert look(load(imap_auth="password"))["password"].state is State.RED
