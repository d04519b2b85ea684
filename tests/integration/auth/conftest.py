"""A Google of our own, and settings that point at it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.fernet import Fernet

from config.settings import Settings, load
from src.auth.google_oauth import IMAP_SCOPE, READ_SCOPE
from src.auth.signed_in import token_file
from src.auth.token_file import StoredToken
from tests.fakes.gmail.fake_gmail import FakeGmail
from tests.fakes.google_oauth import CLIENT_ID, FakeGoogle

ACCOUNT = "ada@example.org"
SIGNED_IN_AT = datetime(2026, 1, 1, tzinfo=UTC)

PutKey = Callable[..., Path]  # see `put_key`


class Person:
    """Plays standard input: opens the address that was printed, and pastes where it leads."""

    def __init__(self, printed: pytest.CaptureFixture[str]) -> None:
        self._printed = printed

    def readline(self) -> str:
        address = next(word for word in self._printed.readouterr().err.split() if "/auth?" in word)
        return requests.get(address, allow_redirects=False, timeout=10).headers["Location"] + "\n"


@pytest.fixture
def google(gmail: FakeGmail) -> FakeGoogle:
    """The sign-in of a running Gmail."""
    return gmail.google


@pytest.fixture
def environment(gmail: FakeGmail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The settings as environment variables, set for this process too; the working folder is empty."""
    variables = {
        **gmail.environment(),
        "IMAP_USER": ACCOUNT,
        "GOOGLE_TOKEN_FILE": str(tmp_path / "tokens" / "gmail_token.json"),
        "ENCRYPTION_KEY": Fernet.generate_key().decode(),
    }
    monkeypatch.chdir(tmp_path)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


@pytest.fixture
def settings(environment: dict[str, str]) -> Settings:
    return load()


@pytest.fixture
def signed_in(google: FakeGoogle, settings: Settings) -> Callable[..., StoredToken]:
    """Put a token file in place, as a sign-in would have left it; the access token has ended by default."""

    def put(**changes: Any) -> StoredToken:
        values: dict[str, Any] = {
            "account": ACCOUNT,
            "client_id": CLIENT_ID,
            "scopes": (IMAP_SCOPE,),
            "signed_in_at": SIGNED_IN_AT,
            "expires_at": SIGNED_IN_AT + timedelta(hours=1),
            "access_token": "ya29.ended",
            "refresh_token": google.issue_refresh_token(IMAP_SCOPE),
        }
        token = StoredToken(**{**values, **changes})
        token_file(settings).save(token)
        return token

    return put


@pytest.fixture
def put_key(gmail: FakeGmail, tmp_path: Path) -> PutKey:
    """Put a key file in place; its own `token_uri` leads nowhere."""

    def put(*, scopes: str = READ_SCOPE, **changes: object) -> Path:
        path = tmp_path / "service-account.json"
        content = {**gmail.service_account_key(scopes=scopes), "client_id": "1042", "token_uri": "http://127.0.0.1:1/"}
        path.write_text(json.dumps({**content, **changes}), encoding="utf-8")
        path.chmod(0o600)
        return path

    return put
