"""Signing in, showing and ending it, against a Google of our own."""

import json
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from config.settings import Settings, SettingsError, load
from producer import main as produce
from src.auth.access_token import access_token_provider
from src.auth.auth_setup import has_browser, run_auth_setup
from src.auth.google_oauth import IMAP_SCOPE, READ_SCOPE
from src.auth.oauth2_gmail import main
from src.auth.signed_in import token_file
from src.auth.token_file import StoredToken
from src.common import exit_codes
from src.common.errors import (
    EncryptionKeyError,
    IngestError,
    LoginRefusedError,
    ScopeMissingError,
    SignInFailedError,
    SourceUnavailableError,
)
from tests.fakes.gmail import faults
from tests.fakes.gmail.errors import ApiError
from tests.fakes.gmail.fake_gmail import FakeGmail
from tests.fakes.google_oauth import FakeGoogle, Mood

from .conftest import ACCOUNT, Person

ROOT = Path(__file__).resolve().parents[3]
SignedIn = Callable[..., StoredToken]


def browse(address: str) -> bool:
    """Act the browser: open the consent page and follow where it leads."""
    threading.Thread(target=lambda: requests.get(address, timeout=10), daemon=True).start()
    return True


def sign_in(settings: Settings, **options: object) -> StoredToken:
    signed_in = run_auth_setup(settings, open_browser=browse, say=lambda _: None, timeout_s=10, **options)  # type: ignore[arg-type]
    assert signed_in.flaw is None
    return signed_in.token


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a graphical browser."""
    monkeypatch.setenv("BROWSER", "true")


@pytest.mark.usefixtures("browser")
def test_signing_in_with_a_browser(google: FakeGoogle, settings: Settings) -> None:
    token = sign_in(settings)
    assert (token.account, token.scopes) == (ACCOUNT, (IMAP_SCOPE,))
    assert token_file(settings).load() == token
    assert stat.S_IMODE(token_file(settings).path.stat().st_mode) == 0o600
    asked = google.asked[0]
    assert (asked["access_type"], asked["prompt"], asked["login_hint"]) == ("offline", "consent", ACCOUNT)
    assert asked["code_challenge_method"] == "S256"
    assert access_token_provider(settings)() == token.access_token
    assert google.refreshes == 0


def test_signing_in_without_a_browser_by_pasting(google: FakeGoogle, settings: Settings) -> None:
    said: list[str] = []

    def paste() -> str:
        address = next(word for word in said[0].split() if word.startswith(google.base))
        answer = requests.get(address, allow_redirects=False, timeout=10)
        return answer.headers["Location"] + "\n"

    token = run_auth_setup(settings, headless=True, say=said.append, ask=paste, timeout_s=10).token
    assert token_file(settings).load() == token


@pytest.mark.usefixtures("environment", "browser")
@pytest.mark.parametrize("way", [{"use_gmail_api": True}, {"source": "gmail"}])
def test_the_api_asks_for_reading_only(gmail: FakeGmail, way: dict[str, object]) -> None:
    gmail.add_account("bea@example.org")
    gmail.google.account = "bea@example.org"
    token = sign_in(load(gmail_user="bea@example.org", **way))
    assert (token.account, token.scopes) == ("bea@example.org", (READ_SCOPE,))


@pytest.mark.usefixtures("environment", "browser")
def test_who_signs_in_as_somebody_else_is_told_and_nothing_is_kept(gmail: FakeGmail) -> None:
    gmail.add_account("bea@example.org")
    gmail.google.account = "bea@example.org"  # chosen on the consent page
    settings = load(use_gmail_api=True)  # for ada
    with pytest.raises(SignInFailedError, match="consent page") as caught:
        sign_in(settings)
    assert "@" not in str(caught.value)
    assert not token_file(settings).exists
    assert gmail.google.refresh_tokens  # not taken back: it may be the sign-in of another account of ours


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("run", "option"),
    [(produce, "--auth-setup"), (main, "--setup")],
)
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (faults.error(lambda: ApiError(403, "accessNotConfigured", "Gmail API has not been used.")), "login_refused"),
        (faults.server_error(503), "source_unavailable"),
    ],
)
def test_a_mailbox_that_cannot_be_looked_at_does_not_waste_the_sign_in_and_is_told(
    gmail: FakeGmail,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    run: Callable[[Sequence[str]], int],
    option: str,
    fault: faults.Fault,
    code: str,
) -> None:
    monkeypatch.setenv("USE_GMAIL_API", "true")
    monkeypatch.setattr(sys, "stdin", Person(capsys))
    gmail.faults.add(fault, "getProfile", times=None)
    assert run([option, "--headless"]) == exit_codes.INCOMPLETE
    assert token_file(load()).load().account == ACCOUNT
    said = "".join(capsys.readouterr())
    assert f"Signed in as {ACCOUNT}" in said
    assert f"[{code}] see docs/runbooks/{code}.md" in said
    assert "doctor --online" in said
    assert "Now run" not in said


@pytest.mark.usefixtures("environment")
def test_a_sign_in_that_is_well_says_how_to_go_on(
    gmail: FakeGmail, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("USE_GMAIL_API", "true")
    monkeypatch.setattr(sys, "stdin", Person(capsys))
    assert produce(["--auth-setup", "--headless"]) == exit_codes.OK
    assert "Now run `python producer.py`" in capsys.readouterr().err


@pytest.mark.usefixtures("browser")
def test_what_the_person_refused_is_told(google: FakeGoogle, settings: Settings) -> None:
    google.denies = True
    with pytest.raises(SignInFailedError, match="access_denied"):
        sign_in(settings)
    assert not token_file(settings).exists


@pytest.mark.usefixtures("browser")
def test_a_missing_scope_is_named_and_the_old_token_stays(
    google: FakeGoogle, settings: Settings, signed_in: SignedIn
) -> None:
    before = signed_in()
    google.granted_scopes = "openid"
    with pytest.raises(ScopeMissingError, match=IMAP_SCOPE):
        sign_in(settings)
    assert token_file(settings).load() == before


@pytest.mark.usefixtures("browser")
@pytest.mark.parametrize(
    ("mood", "error"),
    [
        (Mood.SERVER_ERROR, SourceUnavailableError),
        (Mood.BROKEN_JSON, SourceUnavailableError),
        (Mood.JSON_BUT_NO_OBJECT, SourceUnavailableError),
        (Mood.NO_ACCESS_TOKEN, SourceUnavailableError),
        (Mood.HANGS_UP, SourceUnavailableError),
        (Mood.INVALID_GRANT, SignInFailedError),
        (Mood.INVALID_CLIENT, LoginRefusedError),
    ],
)
def test_a_bad_answer_to_the_code_saves_nothing(
    google: FakeGoogle, settings: Settings, mood: Mood, error: type[IngestError]
) -> None:
    google.mood = mood
    with pytest.raises(error):
        sign_in(settings)
    assert not token_file(settings).exists


@pytest.mark.usefixtures("browser")
def test_without_a_refresh_token_the_sign_in_is_not_taken(google: FakeGoogle, settings: Settings) -> None:
    google.gives_refresh_token = False
    with pytest.raises(LoginRefusedError, match="refresh token"):
        sign_in(settings)


@pytest.mark.parametrize(
    ("missing", "error"),
    [
        ({"imap_user": ""}, SettingsError),
        ({"google_client_id": ""}, LoginRefusedError),
        ({"encryption_key": ""}, EncryptionKeyError),
    ],
)
def test_what_is_missing_is_told_before_the_browser_opens(
    google: FakeGoogle, environment: dict[str, str], browser: None, missing: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        sign_in(load(**missing))
    assert google.asked == []


def test_a_stolen_code_is_worth_nothing_without_the_verifier(google: FakeGoogle, settings: Settings) -> None:
    said: list[str] = []

    def paste_a_code_of_another_sign_in() -> str:
        address = next(word for word in said[0].split() if word.startswith(google.base))
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        query["code_challenge"] = "of-somebody-else"
        return google.consent(query)

    with pytest.raises(SignInFailedError):
        run_auth_setup(settings, headless=True, say=said.append, ask=paste_a_code_of_another_sign_in, timeout_s=10)
    assert google.refresh_tokens == {}


def test_no_display_is_no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert not has_browser()


def _run(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the command as a process, in the test's own folder: a developer's `.env` does not count."""
    command = [sys.executable, "-m", "src.auth.oauth2_gmail", *arguments]
    variables = environment | {"PATH": "", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=variables, input="", capture_output=True, text=True, timeout=60)


def test_the_command_shows_all_but_the_token(environment: dict[str, str], signed_in: SignedIn) -> None:
    token = signed_in()
    ran = _run("--info", environment=environment)
    assert ran.returncode == exit_codes.OK, ran.stderr
    assert ACCOUNT in ran.stdout
    assert IMAP_SCOPE in ran.stdout
    assert "2026-01-01T01:00:00" in ran.stdout
    shown = json.loads(_run("--info", "--json", environment=environment).stdout)
    assert shown["scopes"] == [IMAP_SCOPE]
    assert shown["access_is_valid"] is False
    for secret in (token.access_token, token.refresh_token):
        assert secret not in ran.stdout + ran.stderr + json.dumps(shown)


def test_the_command_revokes_and_deletes(google: FakeGoogle, environment: dict[str, str], signed_in: SignedIn) -> None:
    signed_in()
    ran = _run("--revoke", environment=environment)
    assert ran.returncode == exit_codes.OK, ran.stderr
    assert google.refresh_tokens == {}
    assert not Path(environment["GOOGLE_TOKEN_FILE"]).exists()
    again = _run("--revoke", environment=environment)
    assert again.returncode == exit_codes.OPERATOR_NEEDED
    assert "Traceback" not in again.stderr


def test_revoking_what_google_forgot_deletes_the_file(settings: Settings, signed_in: SignedIn) -> None:
    signed_in(refresh_token="1//forgotten")
    assert main(["--revoke"]) == exit_codes.OK
    assert not token_file(settings).exists


def test_revoking_while_google_is_away_keeps_the_file(
    google: FakeGoogle, settings: Settings, signed_in: SignedIn
) -> None:
    signed_in()
    google.mood = Mood.SERVER_ERROR
    assert main(["--revoke"]) == exit_codes.UNAVAILABLE
    assert token_file(settings).exists


@pytest.mark.parametrize(
    ("arguments", "changes", "code"),
    [
        (["--info"], {}, exit_codes.OPERATOR_NEEDED),  # no token
        (["--info"], {"ENCRYPTION_KEY": "short"}, exit_codes.OPERATOR_NEEDED),
        (["--info"], {"IMAP_PORT": "99999999"}, exit_codes.USAGE),
        (["--setup", "--headless"], {"IMAP_USER": ""}, exit_codes.USAGE),
    ],
)
def test_the_command_says_what_to_do(
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    changes: dict[str, str],
    code: int,
) -> None:
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    assert main(arguments) == code
    assert "docs/runbooks/" in capsys.readouterr().err


def test_a_set_up_whose_input_ends_is_told(environment: dict[str, str]) -> None:
    ran = _run("--setup", "--headless", environment=environment)
    assert ran.returncode == exit_codes.OPERATOR_NEEDED
    assert "[sign_in_failed]" in ran.stderr
    assert "Traceback" not in ran.stderr
