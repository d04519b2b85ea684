"""What Google may answer to a refresh, and what it then means."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from config.settings import Settings
from src.auth.access_token import access_token_provider
from src.auth.signed_in import token_file
from src.auth.token_file import StoredToken
from src.common.clock import SystemClock
from src.common.errors import (
    IngestError,
    LoginRefusedError,
    ScopeMissingError,
    SignInNeededError,
    SourceUnavailableError,
)
from tests.fakes.google_oauth import FakeGoogle

SignedIn = Callable[..., StoredToken]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"error": "invalid_grant"}, SignInNeededError),
        (400, {"error": "invalid_scope"}, ScopeMissingError),
        (401, {"error": "invalid_client"}, LoginRefusedError),
        (401, {"error": "deleted_client"}, LoginRefusedError),
        (403, {"error": "rate limit of ada@example.org"}, LoginRefusedError),
        (400, {"error": "temporarily_unavailable"}, SourceUnavailableError),
        (400, {"error_description": "no code"}, SourceUnavailableError),
        (400, ["invalid_grant"], SourceUnavailableError),
        (302, {}, SourceUnavailableError),  # a captive portal
        (429, {"error": "invalid_grant"}, SourceUnavailableError),  # too many asked: it says nothing of the sign-in
        (503, {"error": "invalid_grant"}, SourceUnavailableError),
        (200, {"access_token": "not one\r\ntoken"}, SourceUnavailableError),
        (200, {"access_token": 17}, SourceUnavailableError),
    ],
)
def test_each_answer_has_its_meaning(
    google: FakeGoogle, settings: Settings, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch,
    status: int, body: object, error: type[IngestError],
) -> None:  # fmt: skip
    before = signed_in()
    monkeypatch.setattr(google, "token", lambda form: (status, body))
    with pytest.raises(IngestError) as caught:
        access_token_provider(settings)()
    assert type(caught.value) is error
    assert "@" not in str(caught.value)
    assert token_file(settings).load() == before


def test_what_google_tells_anew_is_kept(
    google: FakeGoogle, settings: Settings, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signed_in()
    told = {"access_token": "ya29.new", "expires_in": 3600, "refresh_token": "1//new", "refresh_token_expires_in": 600}
    monkeypatch.setattr(google, "token", lambda form: (200, told))
    assert access_token_provider(settings)() == "ya29.new"
    after = token_file(settings).load()
    assert (after.refresh_token, after.scopes, after.signed_in_at) == ("1//new", before.scopes, before.signed_in_at)
    assert after.ends_at is not None
    assert timedelta() < after.ends_at - SystemClock().now() <= timedelta(seconds=600)
