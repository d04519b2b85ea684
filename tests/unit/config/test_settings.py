"""Settings: from the environment, checked together, and never a secret in a message."""

import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import Settings, SettingsError, load

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("POLL_INTERVAL_SECONDS", raising=False)
    monkeypatch.chdir(tmp_path)  # no .env


def test_all_mistakes_come_in_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PORT", "none")
    monkeypatch.setenv("BATCH_SIZE", "0")
    monkeypatch.setenv("IMAP_TLS", "sometimes")
    monkeypatch.setenv("DATABASE_URL", "mysql://example.org/mail")
    with pytest.raises(SettingsError) as caught:
        load()
    for name in ("REDIS_PORT", "BATCH_SIZE", "IMAP_TLS", "DATABASE_URL"):
        assert f"  {name}: " in str(caught.value)


def test_a_message_never_repeats_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "http://worker:hunter22@example.org")
    with pytest.raises(SettingsError) as caught:
        load()
    assert "hunter22" not in str(caught.value)


def test_a_printed_setting_hides_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAP_PASSWORD", "hunter22")
    assert "hunter22" not in repr(load())


@pytest.mark.parametrize("name", ["IMAP_POLL_INTERVAL_SECONDS", "POLL_INTERVAL_SECONDS"])
def test_the_poll_interval_has_two_names(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "7")
    assert load().imap_poll_interval_seconds == 7


def test_an_option_wins_over_the_environment_and_that_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("BATCH_SIZE=11\nIMAP_USER=from-file\nLOG_LEVEL=ERROR\n", encoding="utf-8")
    monkeypatch.setenv("BATCH_SIZE", "22")
    monkeypatch.setenv("IMAP_USER", "from-environment")
    settings = load(batch_size=33)
    assert (settings.batch_size, settings.imap_user, settings.log_level) == (33, "from-environment", "ERROR")


def test_an_empty_value_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PORT", "")
    assert load().redis_port == 6379


def test_mailboxes_are_split_and_trimmed() -> None:
    assert load(imap_mailbox=" INBOX, Archive ,,Sent").mailboxes == ("INBOX", "Archive", "Sent")


def test_the_inbox_is_one_mailbox_in_any_case() -> None:
    assert load(imap_mailbox="Inbox,INBOX,inbox/Sub").mailboxes == ("INBOX", "inbox/Sub")


@pytest.mark.parametrize(
    "command", [["producer.py"], ["worker.py"], ["-m", "src.cli", "status"], ["-m", "src.monitoring.metrics"]]
)
def test_every_command_leaves_with_2_and_one_message(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PORT", "none")
    monkeypatch.setenv("BATCH_SIZE", "0")
    ended = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert "REDIS_PORT" in ended.stderr
    assert "BATCH_SIZE" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("BATCH_SIZE", "many", "expected a whole number, 1 to 1000"),
        ("BATCH_SIZE", "0", "expected a whole number, 1 to 1000"),
        ("IMAP_TIMEOUT_SECONDS", "soon", "expected a number, above 0"),
        ("REDIS_SSL", "perhaps", "expected `true` or `false`"),
        ("IMAP_TLS", "maybe", "expected one of `implicit`, `starttls`, `none`"),
    ],
)
def test_a_mistake_is_told_in_plain_words(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"{name}: {said}"):
        load()


ADDRESSES = ("GOOGLE_AUTH_URI", "GOOGLE_TOKEN_URI", "GOOGLE_REVOKE_URI", "GMAIL_API_ENDPOINT")


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize("address", ["https://proxy.example.org/token", "http://127.0.0.1:8123/", "http://[::1]:80/x"])
def test_tokens_may_go_where_nobody_on_the_way_reads_them(
    monkeypatch: pytest.MonkeyPatch, name: str, address: str
) -> None:
    monkeypatch.setenv(name, address)
    assert getattr(load(), name.lower()) == address


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/token",  # readable on the way
        "http://127.0.0.1.example.org/",  # begins like this machine
        "http://127.0.0.1@example.org/",  # a user name that looks like this machine
        "oauth2.googleapis.com/token",  # no scheme
        "https://",  # no host
        "http://[::1",  # no address at all
        "ftp://127.0.0.1/",
    ],
)
def test_tokens_may_go_nowhere_else(monkeypatch: pytest.MonkeyPatch, name: str, address: str) -> None:
    monkeypatch.setenv(name, address)
    with pytest.raises(SettingsError, match=f"{name}: must begin with https"):
        load()
