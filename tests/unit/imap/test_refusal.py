"""A server's NO becomes the error that leads to the right deed: wait, sign in anew, or check the mailbox's name."""

import pytest

from src.common.errors import IngestError, LoginRefusedError, MailboxMissingError, SourceRefusedError
from src.imap.refusal import command_refusal, login_refusal, mailbox_refusal
from src.imap.response import Tagged


@pytest.mark.parametrize(
    ("text", "challenge", "kind"),
    [
        (b"[AUTHENTICATIONFAILED] Invalid credentials (Failure)", b"", LoginRefusedError),  # Gmail, wrong password
        (b"LOGIN failed.", b"", LoginRefusedError),  # Exchange
        (b"[ALERT] Application-specific password required", b"", LoginRefusedError),  # Gmail
        (b"User is authenticated but not connected.", b"", SourceRefusedError),  # Exchange: its own trouble
        (b"[ALERT] Too many simultaneous connections. (Failure)", b"", SourceRefusedError),  # Gmail
        (b"[UNAVAILABLE] Temporary authentication failure.", b"", SourceRefusedError),  # Dovecot
        (b"[INUSE] mailbox is locked", b"", SourceRefusedError),
        (b"[LIMIT] rate", b"", SourceRefusedError),
        (b"[AUTHENTICATIONFAILED] no", b'{"status":"400","schemes":"Bearer"}', LoginRefusedError),  # token
        (b"AUTHENTICATE failed.", b'{"status":"503"}', SourceRefusedError),  # the identity provider is down
        (b"AUTHENTICATE failed.", b"not json", LoginRefusedError),
        (b"", b"[]", LoginRefusedError),
    ],
)
def test_login(text: bytes, challenge: bytes, kind: type[IngestError]) -> None:
    assert type(login_refusal(text, challenge=challenge)) is kind


def test_a_refused_token_is_told_from_a_refused_password() -> None:
    assert "token" in str(login_refusal(b"no", challenge=b'{"status":"401"}'))
    assert "token" not in str(login_refusal(b"no"))


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (b"NO", b"[NONEXISTENT] Unknown Mailbox: x (Failure)", MailboxMissingError),  # Gmail
        (b"NO", b"[TRYCREATE] Mailbox doesn't exist: x", MailboxMissingError),
        (b"NO", b"Mailbox does not exist", MailboxMissingError),  # Cyrus
        (b"NO", b"x doesn't exist.", MailboxMissingError),  # Exchange
        (b"NO", b"[SERVERBUG] Internal error", SourceRefusedError),
        (b"NO", b"[NOPERM] Permission denied", SourceRefusedError),
        (b"BAD", b"[NONEXISTENT] what?", SourceRefusedError),  # we said it wrong: not the operator's mistake
    ],
)
def test_mailbox(status: bytes, text: bytes, kind: type[IngestError]) -> None:
    assert type(mailbox_refusal("SELECT", "x", Tagged(b"M1", status, text))) is kind


def test_no_address_and_no_token_is_in_the_message() -> None:
    text = b"[AUTHENTICATIONFAILED] ada@example.org with ya29.secret-token is unknown"
    end = Tagged(b"M1", b"NO", text)
    for error in (login_refusal(text), command_refusal("FETCH", end), mailbox_refusal("X", "m", end)):
        assert "ada@example.org" not in str(error)
        assert "ya29.secret" not in str(error)
