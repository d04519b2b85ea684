"""The mark changes with each sign-in and each key, and with nothing else; reading it raises nothing."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from config.settings import Settings
from src.auth.sign_in_mark import sign_in_mark
from src.auth.token_file import StoredToken, TokenFile

MOMENTS = st.integers(0, 2**31).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
any_number_of_files = hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def settings_for(path: Path, **others: str) -> Settings:
    return Settings(google_token_file=str(path), **others)  # type: ignore[arg-type]


def token(signed_in_at: datetime) -> StoredToken:
    return StoredToken(
        account="ada@example.org", client_id="client", scopes=("scope",), signed_in_at=signed_in_at,
        expires_at=signed_in_at, access_token="ya29.access", refresh_token="1//refresh",
    )  # fmt: skip


@any_number_of_files
@given(first=MOMENTS, second=MOMENTS, refreshed=MOMENTS)
def test_a_sign_in_changes_it_and_a_refresh_does_not(
    tmp_path: Path, first: datetime, second: datetime, refreshed: datetime
) -> None:
    path = tmp_path / "token.json"
    file, settings = TokenFile(path, [Fernet(Fernet.generate_key())]), settings_for(path)
    file.save(token(first))
    mark = sign_in_mark(settings)
    file.save(replace(token(first), access_token="ya29.other", expires_at=refreshed))
    assert sign_in_mark(settings) == mark
    file.save(token(second))
    assert (sign_in_mark(settings) == mark) == (first == second)
    file.delete()
    assert sign_in_mark(settings) == ""


def test_the_file_tells_the_time_of_the_sign_in_in_clear_and_no_more(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "token.json", [Fernet(Fernet.generate_key())])
    file.save(token(datetime(2026, 1, 1, tzinfo=UTC)))
    content = json.loads(file.path.read_text(encoding="utf-8"))
    assert set(content) == {"format", "signed_in_at", "encrypted"}
    assert content["signed_in_at"] == "2026-01-01T00:00:00+00:00"


@any_number_of_files
@given(content=st.one_of(st.binary(max_size=200), st.just(b"[" * 60_000), st.just(b'{"format": 1, "encrypted": "x"}')))
def test_any_content_has_a_mark(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token.json"
    path.write_bytes(content)
    assert sign_in_mark(settings_for(path)) == sign_in_mark(settings_for(path)) != ""


@pytest.mark.parametrize("what", ["nothing", "a folder"])
def test_what_is_no_file_has_the_mark_of_none(tmp_path: Path, what: str) -> None:
    path = tmp_path / "token.json"
    if what == "a folder":
        path.mkdir()
    assert sign_in_mark(settings_for(path)) == ""


def test_a_service_account_s_key_counts_in_place_of_the_token_file(tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    settings = settings_for(tmp_path / "token.json", google_service_account_file=str(key))
    assert sign_in_mark(settings) == ""
    key.write_text("{}", encoding="utf-8")
    mark = sign_in_mark(settings)
    (tmp_path / "token.json").write_text("{}", encoding="utf-8")
    assert sign_in_mark(settings) == mark != ""
    (tmp_path / "new.json").write_text("{}", encoding="utf-8")
    (tmp_path / "new.json").replace(key)
    assert sign_in_mark(settings) != mark
