"""`python producer.py` against a real mail server and a real Redis: what it does and how it ends."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from src.common.exit_codes import OK, OPERATOR_NEEDED, UNAVAILABLE, USAGE
from tests.fixtures.dovecot import DovecotServer
from tests.fixtures.dovecot_config import PASSWORD
from tests.fixtures.redis_servers import RedisServer
from tests.fixtures.services import free_port, wait_until
from tests.integration.producer.programs import (
    everything_in,
    published,
    start_producer,
    stream_on,
    times_on_the_stream,
)

pytestmark = [pytest.mark.redis, pytest.mark.dovecot]

WAIT_S = 60.0
GMAIL_OF_ADA = {
    "SOURCE": "gmail",
    "GMAIL_USER": "ada",
    "GOOGLE_CLIENT_ID": "id",
    "GOOGLE_CLIENT_SECRET": "not-a-real-secret",
    "ENCRYPTION_KEY": Fernet.generate_key().decode(),
}


@pytest.fixture
def account(dovecot: DovecotServer, dovecot_user: str) -> dict[str, str]:
    """Settings for a user with ten mails in INBOX and five in Work."""
    dovecot.deliver(dovecot_user, [b"Subject: %d\r\n\r\nbody\r\n" % number for number in range(10)])
    dovecot.deliver(dovecot_user, [b"Subject: w%d\r\n\r\nbody\r\n" % number for number in range(5)], "Work")
    return {
        "IMAP_HOST": "127.0.0.1",
        "IMAP_PORT": str(dovecot.plain_port),
        "IMAP_TLS": "none",
        "IMAP_AUTH": "password",
        "IMAP_USER": dovecot_user,
        "IMAP_PASSWORD": PASSWORD,
        "IMAP_POLL_INTERVAL_SECONDS": "1",
    }


def test_once_publishes_all_mailboxes_and_a_second_run_nothing(
    redis7: RedisServer, tmp_path: Path, account: dict[str, str]
) -> None:
    stream = stream_on(redis7)
    first = start_producer(redis7, tmp_path, "--once", "--mailbox", "INBOX,Work", "--batch-size", "3", **account)
    assert first.wait(WAIT_S) == OK, first.said()
    assert len(times_on_the_stream(stream, account["IMAP_USER"], "INBOX")) == 10
    assert len(times_on_the_stream(stream, account["IMAP_USER"], "Work")) == 5
    second = start_producer(redis7, tmp_path, "--once", "--mailbox", "INBOX,Work", **account)
    assert second.wait(WAIT_S) == OK, second.said()
    assert published(stream) == 15


def test_a_dry_run_shows_the_mails_and_leaves_redis_as_it_was(
    redis7: RedisServer, tmp_path: Path, account: dict[str, str]
) -> None:
    first = start_producer(redis7, tmp_path, "--once", **account)
    assert first.wait(WAIT_S) == OK, first.said()
    before = everything_in(redis7)
    database = tmp_path / "mail.db"
    stored = database.read_bytes()
    dry = start_producer(redis7, tmp_path, "--dry-run", "--mailbox", "INBOX,Work", **account)
    assert dry.wait(WAIT_S) == OK, dry.said()
    assert everything_in(redis7) == before
    assert database.read_bytes() == stored
    assert "nothing was changed" in dry.said()
    assert "w4" in dry.said()


def test_a_dry_run_makes_no_database_and_no_key(redis7: RedisServer, tmp_path: Path, account: dict[str, str]) -> None:
    dry = start_producer(redis7, tmp_path, "--dry-run", **account)
    assert dry.wait(WAIT_S) == OK, dry.said()
    assert everything_in(redis7) == {}
    assert not (tmp_path / "mail.db").exists()


@pytest.mark.parametrize(
    ("arguments", "changes", "code", "said"),
    [
        (("--once",), {"IMAP_PASSWORD": "wrong"}, OPERATOR_NEEDED, "login_refused"),
        (("--once", "--mailbox", "INBOX,Nowhere"), {}, OPERATOR_NEEDED, "mailbox_missing"),
        (("--dry-run", "--mailbox", "INBOX,Nowhere"), {}, OPERATOR_NEEDED, "mailbox_missing"),
        (("--dry-run",), {"IMAP_PORT": str(free_port())}, UNAVAILABLE, "source_unavailable"),
        (("--once",), {"IMAP_PORT": "99999", "BATCH_SIZE": "0"}, USAGE, "BATCH_SIZE"),
        (("--once",), {"IMAP_USER": ""}, USAGE, "IMAP_USER"),
        (("--once",), {"SOURCE": "gmail"}, OPERATOR_NEEDED, "encryption_key"),
        (("--once", "--mailbox", "INBOX"), {"SOURCE": "gmail"}, OPERATOR_NEEDED, "--labels INBOX"),
        (("--auth-setup",), {"SOURCE": "gmail", "IMAP_USER": ""}, USAGE, "GMAIL_USER is empty"),
        (("--auth-setup", "--headless", "--username", "eve"), GMAIL_OF_ADA, OPERATOR_NEEDED, "login_hint=eve"),
        (("--once", "--since", "yesterday"), {}, USAGE, "must be a day, as 2024-01-31"),
        (("--once",), {"REDIS_URL": f"redis://127.0.0.1:{free_port()}"}, UNAVAILABLE, "redis_unavailable"),
    ],
)
def test_what_is_wrong_is_said_and_told_by_the_exit_code(
    redis7: RedisServer,
    tmp_path: Path,
    account: dict[str, str],
    arguments: tuple[str, ...],
    changes: dict[str, str],
    code: int,
    said: str,
) -> None:
    process = start_producer(redis7, tmp_path, *arguments, **{**account, **changes})
    assert process.wait(WAIT_S) == code, process.said()
    assert said in process.said()
    assert "Traceback" not in process.said()
    assert "wrong" not in process.said().replace("wrong. Mend", "")


def test_a_long_run_publishes_what_comes_and_ends_in_order(
    redis7: RedisServer, tmp_path: Path, account: dict[str, str], dovecot: DovecotServer
) -> None:
    stream = stream_on(redis7)
    process = start_producer(redis7, tmp_path, **account)
    wait_until(lambda: published(stream) == 10, what="the first catch-up")
    dovecot.deliver(account["IMAP_USER"], b"Subject: fresh\r\n\r\nbody\r\n")
    wait_until(lambda: published(stream) == 11, what="the new mail")
    process.stop()
    assert process.wait(20) == OK, process.said()
    assert stream.acquire_lease(account["IMAP_USER"], "INBOX", "me") is not None
