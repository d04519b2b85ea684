"""What `doctor` says of a sign-in, and what it finds out when it goes online."""

from collections.abc import Callable

import pytest
from cryptography.fernet import Fernet

from config.settings import Settings, load
from src.auth.google_oauth import READ_SCOPE
from src.auth.token_file import StoredToken
from src.cli.checks.check import Check, State
from src.cli.checks.sign_in_checks import sign_in_checks
from src.common.clock import SystemClock
from src.common.errors import LoginRefusedError
from tests.fakes.google_oauth import FakeGoogle, Mood

SignedIn = Callable[..., StoredToken]


def look(settings: Settings, try_login: Callable[[], str] | None = None) -> dict[str, Check]:
    return {check.name: check for check in sign_in_checks(settings, SystemClock(), try_login)}


def test_a_good_sign_in_is_green_and_offline_asks_nobody(
    google: FakeGoogle, settings: Settings, signed_in: SignedIn
) -> None:
    token = signed_in()
    checks = look(settings)
    assert {check.state for check in checks.values()} == {State.GREEN}
    assert "refreshed when needed" in checks["access token"].found
    assert google.refreshes == 0
    assert not [check for check in checks.values() if token.refresh_token in check.found]


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


def test_online_finds_a_revoked_sign_in(google: FakeGoogle, settings: Settings, signed_in: SignedIn) -> None:
    signed_in()
    assert look(settings, lambda: "logged in")["refresh"].state is State.GREEN
    google.mood = Mood.INVALID_GRANT
    signed_in()
    checks = look(settings, lambda: "logged in")
    assert (checks["refresh"].state, checks["refresh"].mend) == (State.RED, "see docs/runbooks/sign_in_needed.md")


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
