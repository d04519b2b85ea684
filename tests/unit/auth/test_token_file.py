"""The token file: encrypted, private, replaced in one step, and clear about what is wrong with it."""

import json
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from src.auth.token_file import FORMAT, StoredToken, TokenFile, parse_keys
from src.common.errors import EncryptionKeyError, SignInNeededError, TokenFileError
from tests.fixtures.logs import CapturedLogs

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))
TOKEN = StoredToken(
    account="ada@example.org",
    client_id="1234.apps.example.org",
    scopes=("https://mail.google.com/",),
    signed_in_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    expires_at=datetime(2026, 3, 1, 13, tzinfo=UTC),
    access_token="ya29.short-lived",
    refresh_token="1//long-lived",
)


def _file(folder: Path, keys: str = NEW) -> TokenFile:
    return TokenFile(folder / "tokens" / "gmail_token.json", parse_keys(keys))


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    _file(tmp_path).save(TOKEN)
    assert _file(tmp_path).load() == TOKEN


def test_nothing_of_the_token_is_readable_on_disk_and_nobody_else_may_read_the_file(tmp_path: Path) -> None:
    file = _file(tmp_path)
    file.save(TOKEN)
    content = file.path.read_text()
    assert json.loads(content)["format"] == FORMAT
    for secret in ("ada", "example", "ya29", "1//", "mail.google"):
        assert secret not in content
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700


def test_repr_holds_no_secret() -> None:
    assert "short-lived" not in repr(TOKEN)
    assert "long-lived" not in repr(TOKEN)


def test_keys_rotate_newest_first(tmp_path: Path) -> None:
    _file(tmp_path, OLD).save(TOKEN)
    rotating = _file(tmp_path, f"{NEW}, {OLD}")
    assert rotating.load() == TOKEN
    assert not rotating.is_under_newest_key()

    rotating.save(TOKEN)
    assert rotating.is_under_newest_key()
    assert _file(tmp_path, NEW).load() == TOKEN  # the old key may go now


def test_a_foreign_key_says_what_to_do(tmp_path: Path) -> None:
    _file(tmp_path, OLD).save(TOKEN)
    with pytest.raises(EncryptionKeyError, match="put the key it was written with back"):
        _file(tmp_path, OTHER).load()


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ("", "keygen"),  # none
        (" , ", "keygen"),  # only a comma
        ("abc", "key 1 of 1"),  # too short
        pytest.param(f"{NEW},not-a-key", "key 2 of 2", id="the second is wrong"),
        ("ä" * 44, "key 1 of 1"),  # not ASCII
    ],
)
def test_wrong_keys_say_which_and_what_to_do(keys: str, says: str) -> None:
    with pytest.raises(EncryptionKeyError, match=says):
        parse_keys(keys)


def test_no_file_means_sign_in(tmp_path: Path) -> None:
    with pytest.raises(SignInNeededError, match=r"--auth-setup` .*--account NAME"):
        _file(tmp_path).load()


def test_a_file_that_others_can_read_is_closed_to_them_with_a_warning(tmp_path: Path, logs: CapturedLogs) -> None:
    file = _file(tmp_path)
    file.save(TOKEN)
    file.path.chmod(0o644)
    assert file.load() == TOKEN
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert [event["level"] for event in logs.named("token_file_mode_mended")] == ["warning"]


@pytest.mark.parametrize(
    "content",
    [
        b"",  # cut to nothing
        b"{",  # cut in the middle
        b"[]",  # JSON of another kind
        b'{"refresh_token": "1//plain", "client_id": "x"}',  # the plain file of another program
        b'{"format": 99, "encrypted": "x"}',  # of a later release
        b'{"format": 1, "encrypted": "\xc3\xa4"}',  # not ASCII
        b"\xff\xfe\x00",  # not text
    ],
)
def test_what_is_no_token_file_is_told_without_showing_it(tmp_path: Path, content: bytes) -> None:
    file = _file(tmp_path)
    file.make_folder()
    file.path.write_bytes(content)
    with pytest.raises((TokenFileError, EncryptionKeyError)) as caught:
        file.load()
    assert "1//plain" not in str(caught.value)


@given(damage=st.binary(max_size=200))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_plaintext_under_our_key_ends_in_our_error(tmp_path: Path, damage: bytes) -> None:
    file = _file(tmp_path)
    file.make_folder()
    file.path.write_text(json.dumps({"format": FORMAT, "encrypted": Fernet(NEW).encrypt(damage).decode()}))
    file.path.chmod(0o600)
    with pytest.raises(TokenFileError):
        file.load()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    file = _file(tmp_path)
    file.save(TOKEN)
    link = tmp_path / "tokens" / "link.json"
    link.symlink_to(file.path)
    with pytest.raises(TokenFileError):
        TokenFile(link, parse_keys(NEW)).load()


def test_a_failed_save_leaves_the_old_token_and_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _file(tmp_path)
    file.save(TOKEN)

    def no_space(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(TokenFileError, match="No space left"):
        file.save(replace(TOKEN, access_token="ya29.newer"))
    monkeypatch.undo()
    assert file.load() == TOKEN
    assert [path.name for path in file.path.parent.iterdir()] == [file.path.name]


def test_delete_is_idempotent(tmp_path: Path) -> None:
    file = _file(tmp_path)
    file.save(TOKEN)
    file.delete()
    file.delete()
    assert not file.exists
