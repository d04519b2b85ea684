"""Commands on accounts of a file: each works with that account's own settings."""

from collections.abc import Sequence
from typing import Any

import pytest
from rich.console import Console

from config.accounts import accounts_of
from src.assembly.producer import run_producer
from src.common import exit_codes
from tests.fixtures.accounts_files import WRONG_PASSWORD, write_accounts, wrong_password
from tests.fixtures.dovecot import DovecotServer
from tests.integration.cli.shell import Shell, mail

pytestmark = pytest.mark.dovecot


@pytest.fixture
def users(dovecot: DovecotServer) -> list[str]:
    """Two users with mail: three mails in INBOX of the first, one in Work of the second."""
    first, second, third = (dovecot.new_user() for _ in range(3))
    dovecot.deliver(first, [mail(n).replace(b"\n", b"\r\n") for n in range(3)])
    dovecot.deliver(second, mail(7).replace(b"\n", b"\r\n"), "Work")
    return [first, second, third]


@pytest.fixture
def several(shell: Shell, dovecot: DovecotServer, users: Sequence[str]) -> Shell:
    """A shell with three accounts: the second reads Work, the third has a wrong password."""
    own = {"second": {"imap_mailbox": "Work"}, "third": wrong_password(shell.folder)}
    return shell.having(**write_accounts(shell.folder, dovecot, users, **own))


def test_each_account_is_verified_and_repaired_by_itself(several: Shell) -> None:
    first, second, third = (("--account", name) for name in ("first", "second", "third"))
    assert len(several.json("verify", *first, expect=exit_codes.INCOMPLETE)["missing"]) == 3
    several.cli("verify", *first, "--repair", expect=exit_codes.INCOMPLETE)
    several.drain()
    assert several.json("verify", *first)["stored"] == 3
    assert len(several.json("verify", *second, expect=exit_codes.INCOMPLETE)["missing"]) == 1
    refused = several.cli("verify", *third, expect=exit_codes.OPERATOR_NEEDED)
    assert "login_refused" in refused.stderr
    assert refused.stdout == ""
    several.cli("attachments", "reprocess", *first, "--outdated")


@pytest.mark.parametrize(
    "command", [["verify"], ["attachments", "reprocess", "--outdated"]], ids=["verify", "reprocess"]
)
def test_a_command_for_one_account_asks_which(several: Shell, command: list[str]) -> None:
    assert "ACCOUNTS_FILE lists 3" in several.cli(*command, expect=exit_codes.USAGE).stderr
    unknown = several.cli(*command, "--account", "nobody", expect=exit_codes.USAGE)
    assert "--mbox" in unknown.stderr


def test_status_shows_all_accounts_or_one(several: Shell) -> None:
    several.cli("verify", "--account", "first", "--repair", expect=exit_codes.INCOMPLETE)
    shown = {one["account"]: one["mailboxes"] for one in several.json("status")["accounts"]}
    assert {name: [box["mailbox"] for box in boxes] for name, boxes in shown.items()} == {
        "first": ["INBOX"],
        "second": ["Work"],
        "third": ["INBOX"],
    }
    assert [one["account"] for one in several.json("status", "--account", "second")["accounts"]] == ["second"]
    several.cli("status", "--account", "nobody", expect=exit_codes.USAGE)


def retired(shell: Shell) -> dict[str, bool]:
    """Return of each account and mailbox whether it counts as not read any more."""
    boxes = [(one["account"], box) for one in shell.json("status")["accounts"] for box in one["mailboxes"]]
    return {f"{account}/{box['mailbox']}": bool(box["retired_at"]) for account, box in boxes}


def test_what_the_settings_do_not_name_any_more_is_not_expected_to_be_fresh(
    shell: Shell, dovecot: DovecotServer, users: Sequence[str]
) -> None:
    def read(only: str = "", **of_first: str) -> dict[str, bool]:
        own = write_accounts(shell.folder, dovecot, users[: 2 if keeps_second else 1], first=of_first)
        changed = shell.having(**own)
        accounts = accounts_of(changed.loaded(), only=only)
        run_producer(changed.loaded(), Console(stderr=True), once=True, batch_mails=50, accounts=accounts)
        return retired(changed)

    dovecot.deliver(users[0], mail(8).replace(b"\n", b"\r\n"), "Work")
    keeps_second = True
    everything = {"first/INBOX": False, "first/Work": False, "second/INBOX": False}
    assert read(imap_mailbox="INBOX,Work") == everything
    assert read("first", imap_mailbox="INBOX,Work") == everything  # of the others nothing is said
    assert read(imap_mailbox="INBOX") == {**everything, "first/Work": True}
    keeps_second = False
    assert read() == {"first/INBOX": False, "first/Work": True, "second/INBOX": True}
    keeps_second = True
    assert read(imap_mailbox="INBOX,Work") == everything


def test_doctor_looks_at_each_sign_in(several: Shell) -> None:
    checks = sign_ins(several.json("doctor", "--online", expect=exit_codes.INCOMPLETE))
    assert checks["first: source"]["found"] == "read through IMAP"
    assert checks["second: login"]["found"] == "logged in; can read Work"
    assert (checks["third: login"]["state"], checks["third: login"]["mend"]) == (
        "red",
        "see docs/runbooks/login_refused.md",
    )
    assert WRONG_PASSWORD not in str(checks)
    assert {name.partition(":")[0] for name in sign_ins(several.json("doctor", "--account", "first"))} == {"first"}


def test_doctor_tells_a_wrong_file_before_it_looks_at_anything(several: Shell) -> None:
    (several.folder / "accounts.toml").write_text("[[account]]\n", encoding="utf-8")
    said = several.cli("doctor", expect=exit_codes.USAGE)
    assert said.stdout == ""
    assert "account 1: name" in said.stderr


def sign_ins(checks: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in checks if check["area"] == "sign-in"}
