"""Signing in to accounts of a file, as a user types it: each has a token of its own."""

import sys
from pathlib import Path

import pytest

from producer import main as produce
from src.auth.google_oauth import IMAP_SCOPE, READ_SCOPE
from src.auth.oauth2_gmail import main
from src.common import exit_codes
from tests.fakes.gmail.fake_gmail import FakeGmail
from tests.fakes.google_oauth import FakeGoogle

from .conftest import Person

FILE = """
[[account]]
name = "ada@example.org"

[[account]]
name = "bea@example.org"
use_gmail_api = true
"""


@pytest.fixture(autouse=True)
def _accounts(
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "accounts.toml").write_text(FILE, encoding="utf-8")
    monkeypatch.setenv("ACCOUNTS_FILE", "accounts.toml")
    monkeypatch.setattr(sys, "stdin", Person(capsys))


def test_each_account_signs_in_for_itself(
    gmail: FakeGmail, google: FakeGoogle, environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    gmail.add_account("bea@example.org")
    for name, scope in (("ada@example.org", IMAP_SCOPE), ("bea@example.org", READ_SCOPE)):
        google.account = name
        assert produce(["--auth-setup", "--headless", "--account", name]) == exit_codes.OK
        assert (google.asked[-1]["login_hint"], google.asked[-1]["scope"]) == (name, scope)
    for name, scope in (("ada@example.org", IMAP_SCOPE), ("bea@example.org", READ_SCOPE)):
        assert main(["--info", "--account", name]) == exit_codes.OK
        shown = capsys.readouterr().out
        assert name in shown
        assert scope in shown
    tokens = Path(environment["GOOGLE_TOKEN_FILE"]).parent
    assert len(list(tokens.glob("gmail_token-*.json"))) == 2
    assert main(["--revoke", "--account", "ada@example.org"]) == exit_codes.OK
    assert main(["--info", "--account", "ada@example.org"]) == exit_codes.OPERATOR_NEEDED
    assert main(["--info", "--account", "bea@example.org"]) == exit_codes.OK


@pytest.mark.parametrize("arguments", [["--info"], ["--revoke"], ["--setup"], ["--info", "--account", "nobody"]])
def test_which_account_has_to_be_said(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert main(arguments) == exit_codes.USAGE
    assert "--account" in capsys.readouterr().err
