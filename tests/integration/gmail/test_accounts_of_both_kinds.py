"""Accounts of a file in one producer: one through the Gmail API, the others over IMAP."""

from pathlib import Path

import pytest

from config.account import GMAIL_MAILBOX
from src.common import exit_codes
from src.sources.gmail.visit import MAILBOX
from tests.fakes.gmail.fake_gmail import FakeGmail
from tests.fixtures.accounts_files import write_accounts, wrong_password
from tests.fixtures.dovecot import DovecotServer
from tests.integration.cli.shell import Shell, mail
from tests.integration.gmail.home import GmailHome
from tests.integration.gmail.test_gmail_sync import fill

pytestmark = pytest.mark.dovecot


@pytest.fixture
def both(home: GmailHome, gmail: FakeGmail, dovecot: DovecotServer) -> Shell:
    """A shell with two accounts at a Dovecot, of which the second is refused, and one at Gmail."""
    users = [dovecot.new_user() for _ in range(2)]
    dovecot.deliver(users[0], [mail(n).replace(b"\n", b"\r\n") for n in range(3)])
    fill(gmail, 8)
    settings = write_accounts(home.folder, dovecot, users, second=wrong_password(home.folder))
    token = home.settings["GOOGLE_TOKEN_FILE"]
    with Path(settings["ACCOUNTS_FILE"]).open("a", encoding="utf-8") as file:
        file.write(f'\n[[account]]\nname = "{home.account}"\nsource = "gmail"\ngoogle_token_file = "{token}"\n')
    return home.having(USE_GMAIL_API="false", GMAIL_USER="", **settings)


def test_each_account_is_read_its_own_way_and_proven_complete(both: Shell, home: GmailHome) -> None:
    both.process(str(Path(__file__).resolve().parents[3] / "producer.py"), "--once", expect=exit_codes.OPERATOR_NEEDED)
    both.drain()
    assert home.stored() == home.truth()
    assert both.json("verify", "--account", "first")["stored"] == 3
    assert both.json("verify", "--account", home.account)["stored"] == 8
    shown = {one["account"]: [box["mailbox"] for box in one["mailboxes"]] for one in both.json("status")["accounts"]}
    assert shown == {"first": ["INBOX"], "second": ["INBOX"], home.account: [MAILBOX]}
    checks = {check["name"]: check for check in both.json("doctor", "--online", expect=exit_codes.INCOMPLETE)}
    assert checks[f"{home.account}: source"]["found"] == "read through the Gmail API"
    assert {check["state"] for name, check in checks.items() if name.startswith(home.account)} == {"green"}


def test_the_mailbox_has_one_name_before_and_after_it_is_read() -> None:
    assert GMAIL_MAILBOX == MAILBOX
