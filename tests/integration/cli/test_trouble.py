"""When something is wrong, a command says what, under which code, and how to go on: never with a traceback."""

import socket
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from src.common import exit_codes
from tests.fixtures.dovecot import DovecotServer
from tests.fixtures.dovecot_config import PASSWORD
from tests.fixtures.services import free_port
from tests.integration.cli.shell import Shell, mail

READING = (["status"], ["dlq", "list"], ["verify", "--account", "a", "--mbox", "x"])


def imap(shell: Shell, server: DovecotServer, user: str, password: str = PASSWORD) -> Shell:
    return shell.having(
        IMAP_HOST="127.0.0.1",
        IMAP_PORT=str(server.plain_port),
        IMAP_TLS="none",
        IMAP_AUTH="password",
        IMAP_USER=user,
        IMAP_PASSWORD=password,
    )


@pytest.mark.parametrize("arguments", READING, ids=lambda arguments: arguments[0])
def test_redis_is_down(shell: Shell, arguments: list[str]) -> None:
    away = shell.having(REDIS_URL=f"redis://127.0.0.1:{free_port()}")
    said = away.cli(*arguments, expect=exit_codes.UNAVAILABLE)
    assert "redis_unavailable" in said.stdout + said.stderr


def test_the_database_cannot_be_opened(shell: Shell) -> None:
    broken = shell.having(DATABASE_URL="sqlite:////proc/none/mail.db")
    for arguments in (["search", "x"], ["export"]):
        assert "database_unavailable" in broken.cli(*arguments, expect=exit_codes.UNAVAILABLE).stderr
    status = broken.json("status", expect=exit_codes.UNAVAILABLE)
    assert (status["redis"]["is_up"], status["database"]["is_up"]) == (True, False)


def test_the_database_is_no_database(shell: Shell) -> None:
    (shell.folder / "mail.db").write_bytes(b"this is a shopping list, not a database\n" * 100)
    said = shell.cli("search", "x", expect=exit_codes.UNAVAILABLE).stderr
    assert "[database_" in said
    checks = {check["name"]: check["state"] for check in shell.json("doctor", expect=exit_codes.INCOMPLETE)}
    assert checks["reachable"] == "red"


def test_wrong_settings_are_told_all_at_once(shell: Shell) -> None:
    wrong = shell.having(IMAP_PORT="99999", LOG_LEVEL="LOUD", REDIS_URL="nonsense")
    said = wrong.process("-m", "src.cli", "status", expect=exit_codes.USAGE)
    for name in ("IMAP_PORT", "LOG_LEVEL", "REDIS_URL"):
        assert name in said.stderr
    assert said.stdout == ""


def test_a_file_that_is_not_there(shell: Shell) -> None:
    for arguments in (
        ["import", "mbox", "/nowhere"],
        ["import", "maildir", "/nowhere"],
        ["verify", "--mbox", "/nowhere"],
    ):
        said = shell.cli(*arguments, "--account", "a", expect=exit_codes.OPERATOR_NEEDED)
        assert "file_unreadable" in said.stderr


def test_verify_of_an_account_that_nobody_knows(shell: Shell) -> None:
    assert "--mbox" in shell.cli("verify", "--account", "nobody", expect=exit_codes.USAGE).stderr


def test_doctor_is_green_on_a_fresh_machine_and_red_for_what_would_lose_mail(shell: Shell) -> None:
    checks = shell.json("doctor")
    assert {check["area"] for check in checks} == {"redis", "database", "sign-in", "machine", "attachments", "rules"}
    assert not [check for check in checks if check["state"] == "red"]
    assert not (shell.folder / "mail.db").exists()  # looking makes nothing


def test_doctor_leaves_an_embedded_redis_that_does_not_run_as_it_is(shell: Shell, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    checks = shell.having(REDIS_URL=f"embedded:{fresh}").json("doctor")
    (found,) = [check["found"] for check in checks if check["area"] == "redis"]
    assert "not running" in found
    assert not fresh.exists()


def test_doctor_tells_our_ports_from_those_of_others(shell: Shell) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        checks = shell.having(WORKER_HEALTH_PORT=port).json("doctor", expect=exit_codes.INCOMPLETE)
    (found,) = [check for check in checks if check["name"] == "WORKER_HEALTH_PORT"]
    assert (found["state"], "another program" in found["found"]) == ("red", True)


def test_doctor_says_what_a_sign_in_lacks(shell: Shell) -> None:
    google = shell.having(IMAP_USER="ada@example.org", GOOGLE_TOKEN_FILE=str(shell.folder / "token.json"))
    wrong = {check["name"]: check for check in google.json("doctor", expect=exit_codes.INCOMPLETE)}
    assert wrong["OAuth client"]["state"] == wrong["token"]["state"] == "red"
    assert "keygen" in wrong["token"]["found"]
    with_key = google.having(ENCRYPTION_KEY=Fernet.generate_key().decode())
    checks = with_key.json("doctor", expect=exit_codes.INCOMPLETE)
    assert [check["mend"] for check in checks if check["name"] == "token"] == ["see docs/runbooks/sign_in_needed.md"]


@pytest.mark.dovecot
def test_imap_from_first_mail_to_the_proof(shell: Shell, dovecot: DovecotServer, dovecot_user: str) -> None:
    dovecot.deliver(dovecot_user, [mail(n) for n in range(3)])
    shell = imap(shell, dovecot, dovecot_user)
    account = ("--account", dovecot_user)
    assert len(shell.json("verify", *account, expect=exit_codes.INCOMPLETE)["missing"]) == 3
    assert not (shell.folder / "mail.db").exists()  # looking makes nothing
    shell.cli("verify", *account, "--repair", expect=exit_codes.INCOMPLETE)
    shell.drain()
    assert shell.json("verify")["stored"] == 3

    dovecot.expunge(dovecot_user, dovecot.uids(dovecot_user)[:1])
    assert len(shell.json("verify", expect=exit_codes.INCOMPLETE)["extra"]) == 1
    shell.cli("verify", "--repair", expect=exit_codes.INCOMPLETE)
    shell.drain()
    shell.cli("verify")
    (login,) = [check for check in shell.json("doctor", "--online") if check["name"] == "login"]
    assert login["found"] == "logged in; can read INBOX"


@pytest.mark.dovecot
def test_a_wrong_password_is_told_and_nothing_concluded(
    shell: Shell, dovecot: DovecotServer, dovecot_user: str
) -> None:
    shell = imap(shell, dovecot, dovecot_user, password="not-it")
    said = shell.cli("verify", expect=exit_codes.OPERATOR_NEEDED)
    assert said.stdout == ""
    assert "login_refused" in said.stderr
    assert "not-it" not in said.stderr
    checks = shell.json("doctor", "--online", expect=exit_codes.INCOMPLETE)
    (login,) = [check for check in checks if check["name"] == "login"]
    assert (login["state"], login["mend"]) == ("red", "see docs/runbooks/login_refused.md")


def test_a_settings_file_that_others_may_read_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from src.cli.checks.machine_checks import _env_file

    (tmp_path / ".env").write_text("IMAP_PASSWORD=x")
    (tmp_path / ".env").chmod(0o644)
    assert [check.state for check in _env_file(tmp_path / ".env")] == ["yellow"]
    (tmp_path / ".env").chmod(0o600)
    assert [check.state for check in _env_file(tmp_path / ".env")] == ["green"]
