"""A service account acts for the account: tokens without a sign-in, and each refusal said as what it is."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from config.settings import Settings, load
from src.auth.access_token import access_token_provider
from src.auth.auth_setup import set_up
from src.auth.google_oauth import IMAP_SCOPE, READ_SCOPE
from src.auth.oauth2_gmail import main
from src.auth.service_account import load_key
from src.auth.sign_in_mark import sign_in_mark
from src.cli.checks.check import State
from src.common import exit_codes
from src.common.clock import SystemClock
from src.common.errors import DelegationRefusedError, SourceUnavailableError, TokenFileError
from tests.fakes.clock import FakeClock
from tests.fakes.gmail import faults
from tests.fakes.gmail.fake_gmail import FakeGmail
from tests.fakes.google_oauth import Mood
from tests.fakes.google_service_account import DelegationRefusedError as FakeRefusal
from tests.fixtures.logs import CapturedLogs

from .conftest import ACCOUNT, PutKey
from .test_doctor_sign_in import look


@pytest.fixture
def delegated(environment: dict[str, str], put_key: PutKey) -> Settings:
    """Settings of an account that a service account reads; there is no ENCRYPTION_KEY and no OAuth client."""
    return load(
        use_gmail_api=True,
        google_service_account_file=str(put_key()),
        encryption_key="",
        google_client_id="",
        google_client_secret="",
    )


def test_a_token_is_made_for_the_account_with_reading_rights_and_kept_in_memory_alone(
    gmail: FakeGmail, delegated: Settings, tmp_path: Path
) -> None:
    tokens = access_token_provider(delegated)
    token = tokens()
    assert tokens() == token == gmail.google.access_tokens[0]
    grant = gmail.google.grant(token)
    assert grant is not None
    assert (grant.account, grant.scopes) == (ACCOUNT, READ_SCOPE)
    assert [path.name for path in tmp_path.iterdir()] == ["service-account.json"]


def test_for_imap_the_scope_is_that_of_imap(gmail: FakeGmail, delegated: Settings, put_key: PutKey) -> None:
    put_key(scopes=IMAP_SCOPE)
    token = access_token_provider(delegated.model_copy(update={"use_gmail_api": False}))()
    grant = gmail.google.grant(token)
    assert grant is not None
    assert grant.scopes == IMAP_SCOPE


def test_it_is_renewed_ahead_of_its_end_and_when_refused(gmail: FakeGmail, delegated: Settings) -> None:
    # The fake checks an assertion by the true clock: one may be old by the hour it lives, but not of the future.
    clock = FakeClock(SystemClock().now() - timedelta(minutes=58))
    tokens = access_token_provider(delegated, clock)
    first = tokens()
    clock.advance(3600 - 301)
    assert tokens() == first
    clock.advance(2)
    second = tokens()
    assert second != first
    assert tokens(refused=second) not in (first, second)


def test_while_google_is_away_the_last_minutes_are_used_and_it_is_asked_now_and_then(
    gmail: FakeGmail, delegated: Settings, logs: CapturedLogs
) -> None:
    clock = FakeClock(SystemClock().now())
    tokens = access_token_provider(delegated, clock)
    first = tokens()
    clock.advance(3600 - 200)
    gmail.google.mood = Mood.SERVER_ERROR
    assert {tokens() for _ in range(20)} == {first}
    assert len(logs.named("token_refresh_postponed")) == 1
    clock.advance(31)
    assert tokens() == first
    assert len(logs.named("token_refresh_postponed")) == 2
    clock.advance(200)  # over
    with pytest.raises(SourceUnavailableError):
        tokens()


def refused_with(gmail: FakeGmail, code: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise FakeRefusal(400, code, text)

    monkeypatch.setattr("tests.fakes.google_oauth.delegation", refuse)


@pytest.mark.parametrize(
    ("code", "text", "advice"),
    [
        ("unauthorized_client", "Client is unauthorized to retrieve access tokens", "client id 1042 the scope"),
        ("access_denied", "Requested client not authorized.", "Domain-wide delegation"),
        ("invalid_scope", "Invalid OAuth scope or ID token audience provided.", READ_SCOPE),
        ("invalid_grant", "Invalid email or User ID", "not in the domain"),
        ("invalid_grant", "Invalid grant: account not found", "the service account is gone"),
        ("invalid_grant", "Invalid JWT Signature.", "make a new key"),
        ("invalid_grant", "Invalid JWT: Token must be a short-lived token … reasonable timeframe.", "clock"),
        ("something new", "ada@example.org did it", "no known reason"),
    ],
)
def test_each_refusal_says_what_to_do_and_repeats_nothing(
    gmail: FakeGmail, delegated: Settings, monkeypatch: pytest.MonkeyPatch, code: str, text: str, advice: str
) -> None:
    refused_with(gmail, code, text, monkeypatch)
    with pytest.raises(DelegationRefusedError, match="service account") as caught:
        access_token_provider(delegated)()
    assert advice in str(caught.value)
    assert "@" not in str(caught.value)


def test_a_delegation_that_was_mended_at_google_works_at_the_next_try(gmail: FakeGmail, delegated: Settings) -> None:
    account = gmail.google.service_accounts.popitem()[1]
    tokens = access_token_provider(delegated)
    with pytest.raises(DelegationRefusedError):
        tokens()
    gmail.google.service_accounts[account.address] = account
    assert tokens() == gmail.google.access_tokens[-1]


def test_a_new_key_is_noticed_without_a_restart(gmail: FakeGmail, delegated: Settings, put_key: PutKey) -> None:
    tokens = access_token_provider(delegated)
    gmail.service_account_key()  # the key in the file is worth nothing any more
    with pytest.raises(DelegationRefusedError, match="make a new key"):
        tokens()
    mark = sign_in_mark(delegated)
    assert sign_in_mark(delegated) == mark
    put_key()
    assert sign_in_mark(delegated) != mark
    assert tokens() == gmail.google.access_tokens[-1]


@pytest.mark.parametrize("mood", [Mood.SERVER_ERROR, Mood.BROKEN_JSON, Mood.JSON_BUT_NO_OBJECT, Mood.NO_ACCESS_TOKEN,
                                  Mood.HANGS_UP])  # fmt: skip
def test_a_bad_day_is_temporary(gmail: FakeGmail, delegated: Settings, mood: Mood) -> None:
    gmail.google.mood = mood
    with pytest.raises(SourceUnavailableError) as caught:
        access_token_provider(delegated)()
    assert "ya29" not in str(caught.value)


def test_a_key_file_that_others_may_read_is_told(delegated: Settings, put_key: PutKey, logs: CapturedLogs) -> None:
    put_key().chmod(0o644)
    access_token_provider(delegated)()
    assert logs.named("service_account_file_open_to_others")
    assert look(delegated)["key file"].state is State.YELLOW


def test_no_key_file_says_so(delegated: Settings, put_key: PutKey) -> None:
    put_key().unlink()
    with pytest.raises(TokenFileError, match="GOOGLE_SERVICE_ACCOUNT_FILE"):
        access_token_provider(delegated)()
    assert look(delegated)["service account"].state is State.RED


def useless_keys() -> list[bytes]:
    """Return private keys that are no use: one locked with a password, one cut off."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    locked = key.private_bytes(pem, pkcs8, serialization.BestAvailableEncryption(b"secret"))
    return [locked, key.private_bytes(pem, pkcs8, serialization.NoEncryption())[:300]]


@pytest.mark.parametrize("private_key", [*useless_keys(), b"", b"no key"])
def test_a_private_key_that_is_none_is_told_and_not_shown(put_key: PutKey, private_key: bytes) -> None:
    path = put_key(private_key=private_key.decode())
    with pytest.raises(TokenFileError) as caught:
        load_key(path)
    assert caught.value.__suppress_context__
    assert "BEGIN" not in str(caught.value)


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(max_size=300), st.recursive(st.none() | st.text() | st.integers(), lambda inner:
       st.lists(inner) | st.dictionaries(st.sampled_from(["client_email", "private_key", "x"]), inner)).map(
       lambda value: json.dumps(value).encode())))  # fmt: skip
def test_any_content_is_a_token_file_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.json"
    path.write_bytes(content)
    with pytest.raises(TokenFileError):
        load_key(path)


def test_setting_up_tries_it_and_the_doctor_and_info_show_it(
    gmail: FakeGmail,
    delegated: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    done = set_up(delegated)
    assert f"may act for {ACCOUNT}" in done.text
    assert done.exit_code == exit_codes.OK
    checks = look(delegated, lambda: "never called")
    assert {check.state for check in checks.values()} == {State.GREEN}, checks
    assert "client id 1042" in checks["service account"].found
    assert checks["mailbox"].found == ACCOUNT
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_FILE", delegated.google_service_account_file)
    monkeypatch.setenv("USE_GMAIL_API", "true")
    assert main(["--info"]) == exit_codes.OK
    shown = capsys.readouterr().out
    assert "1042" in shown
    assert READ_SCOPE in shown
    assert "PRIVATE" not in shown
    assert main(["--revoke"]) == exit_codes.USAGE
    assert "Admin console" in capsys.readouterr().err


def test_setting_up_tells_that_the_mailbox_cannot_be_looked_at(gmail: FakeGmail, delegated: Settings) -> None:
    gmail.faults.add(faults.DOMAIN_POLICY, "getProfile", times=None)
    done = set_up(delegated)
    assert done.exit_code == exit_codes.INCOMPLETE
    assert f"may act for {ACCOUNT}" in done.text
    assert "[login_refused]" in done.text


def test_the_doctor_says_what_the_domain_refuses(gmail: FakeGmail, delegated: Settings, put_key: PutKey) -> None:
    put_key(scopes=IMAP_SCOPE)  # the administrator allowed another scope
    check = look(delegated, lambda: "never called")["delegation"]
    assert (check.state, check.mend) == (State.RED, "see docs/runbooks/delegation_refused.md")
