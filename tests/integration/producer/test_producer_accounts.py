"""`python producer.py` with an accounts file, against a real mail server and a real Redis: each account by itself."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from src.common.exit_codes import OK, OPERATOR_NEEDED, USAGE
from tests.fixtures.accounts_files import WRONG_PASSWORD, write_accounts, wrong_password
from tests.fixtures.dovecot import DovecotServer
from tests.fixtures.redis_servers import RedisServer
from tests.fixtures.services import wait_until
from tests.integration.producer.programs import everything_in, start_producer, stream_on, times_on_the_stream

pytestmark = [pytest.mark.redis, pytest.mark.dovecot]

WAIT_S = 60.0
MAILS = {"first": 4, "second": 3, "third": 2}


@pytest.fixture
def users(dovecot: DovecotServer) -> list[str]:
    """Three users with some mails each."""
    named = [dovecot.new_user() for _ in MAILS]
    for user, count in zip(named, MAILS.values(), strict=True):
        dovecot.deliver(user, [b"Subject: %d of %s\r\n\r\nbody\r\n" % (n, user.encode()) for n in range(count)])
    return named


@pytest.fixture
def third_refused(dovecot: DovecotServer, users: Sequence[str], tmp_path: Path) -> dict[str, str]:
    """Settings of three accounts, of which the third has a wrong password."""
    return write_accounts(tmp_path, dovecot, users, third=wrong_password(tmp_path))


def on_the_stream(redis: RedisServer, *, mailbox: str = "INBOX") -> dict[str, int]:
    """Return how many mails of each account are on the stream, each of them once."""
    stream = stream_on(redis)
    times = {name: times_on_the_stream(stream, name, mailbox) for name in MAILS}
    assert {count for counted in times.values() for count in counted.values()} <= {1}
    return {name: len(counted) for name, counted in times.items() if counted}


def errors_stored(folder: Path) -> dict[str, str]:
    with sqlite3.connect(folder / "mail.db") as database:
        found = dict(database.execute("select account, error_code from imap_sync_state").fetchall())
    database.close()
    return found


def test_all_accounts_are_read_and_one_that_is_refused_is_told(
    redis7: RedisServer, tmp_path: Path, third_refused: dict[str, str]
) -> None:
    process = start_producer(redis7, tmp_path, "--once", **third_refused)
    assert process.wait(WAIT_S) == OPERATOR_NEEDED, process.said()
    assert on_the_stream(redis7) == {"first": 4, "second": 3}
    assert "third INBOX: left behind, blocked" in process.said()
    assert "login_refused" in process.said()
    assert WRONG_PASSWORD not in process.said()
    assert errors_stored(tmp_path) == {"first": "", "second": "", "third": "login_refused"}


def test_an_account_that_cannot_even_be_opened_is_left_behind_alone(
    redis7: RedisServer, tmp_path: Path, dovecot: DovecotServer, users: Sequence[str]
) -> None:
    """`special-use` asks the server before anything is read, and this one marks no mailboxes."""
    settings = write_accounts(tmp_path, dovecot, users, second={"imap_mailbox": "special-use"})
    process = start_producer(redis7, tmp_path, "--once", **settings)
    assert process.wait(WAIT_S) == OPERATOR_NEEDED, process.said()
    assert on_the_stream(redis7) == {"first": 4, "third": 2}
    assert "second special-use: left behind, blocked" in process.said()
    assert errors_stored(tmp_path)["second"] == "mailbox_missing"


def test_one_account_is_chosen(redis7: RedisServer, tmp_path: Path, third_refused: dict[str, str]) -> None:
    process = start_producer(redis7, tmp_path, "--once", "--account", "second", **third_refused)
    assert process.wait(WAIT_S) == OK, process.said()
    assert on_the_stream(redis7) == {"second": 3}


def test_an_option_holds_for_all_accounts(
    redis7: RedisServer, tmp_path: Path, dovecot: DovecotServer, users: Sequence[str]
) -> None:
    for user in users:
        dovecot.deliver(user, b"Subject: work\r\n\r\nbody\r\n", "Work")
    settings = write_accounts(tmp_path, dovecot, users)
    process = start_producer(redis7, tmp_path, "--once", "--mailbox", "Work", **settings)
    assert process.wait(WAIT_S) == OK, process.said()
    assert on_the_stream(redis7, mailbox="Work") == dict.fromkeys(MAILS, 1)
    assert on_the_stream(redis7) == {}


def test_a_dry_run_shows_all_that_can_be_read_and_changes_nothing(
    redis7: RedisServer, tmp_path: Path, third_refused: dict[str, str]
) -> None:
    process = start_producer(redis7, tmp_path, "--dry-run", **third_refused)
    assert process.wait(WAIT_S) == OPERATOR_NEEDED, process.said()
    assert everything_in(redis7) == {}
    assert "first INBOX\t4\t" in process.said()
    assert "second INBOX\t3\t" in process.said()
    assert "third INBOX: not read to its end" in process.said()


def test_a_long_run_goes_on_with_the_others_and_ends_in_order(
    redis7: RedisServer, tmp_path: Path, dovecot: DovecotServer, users: Sequence[str], third_refused: dict[str, str]
) -> None:
    process = start_producer(redis7, tmp_path, **third_refused)
    wait_until(lambda: on_the_stream(redis7) == {"first": 4, "second": 3}, what="the first catch-up")
    dovecot.kick(users[0])
    for user in users:
        dovecot.deliver(user, b"Subject: fresh\r\n\r\nbody\r\n")
    wait_until(lambda: on_the_stream(redis7) == {"first": 5, "second": 4}, what="the new mails")
    process.stop()
    assert process.wait(20) == OK, process.said()
    stream = stream_on(redis7)
    for name in MAILS:
        assert stream.acquire_lease(name, "INBOX", "me") is not None


def test_two_producers_share_accounts_without_reading_any_twice(
    redis7: RedisServer, tmp_path: Path, dovecot: DovecotServer, users: Sequence[str]
) -> None:
    settings = write_accounts(tmp_path, dovecot, users)
    both = [start_producer(redis7, tmp_path, LEASE_SECONDS="2", **settings) for _ in range(2)]
    wait_until(lambda: on_the_stream(redis7) == MAILS, what="all mails")
    both[0].kill9()
    dovecot.deliver(users[0], b"Subject: fresh\r\n\r\nbody\r\n")
    wait_until(lambda: on_the_stream(redis7) == {**MAILS, "first": 5}, what="the other one to take over")
    both[1].stop()
    assert both[1].wait(20) == OK, both[1].said()


@pytest.mark.parametrize(
    ("arguments", "second", "said"),
    [
        (("--once",), {"imap_hots": "x"}, "account 2: imap_hots: no such setting"),
        (("--once",), {"imap_password_env": "NOT_SET"}, "account 2: imap_password_file and imap_password_env"),
        (("--once", "--account", "Second"), {}, "no account of the name given by --account"),
        (("--once", "--username", "second"), {}, "choose with --account"),
        (("--auth-setup",), {}, "say with --account NAME"),
    ],
)
def test_a_wrong_file_or_choice_is_told_and_nothing_is_begun(
    redis7: RedisServer,
    tmp_path: Path,
    dovecot: DovecotServer,
    arguments: tuple[str, ...],
    second: dict[str, str],
    said: str,
) -> None:
    settings = write_accounts(tmp_path, dovecot, ["a@example.org", "b@example.org"], second=second)
    process = start_producer(redis7, tmp_path, *arguments, **settings)
    assert process.wait(WAIT_S) == USAGE, process.said()
    assert said in process.said()
    assert "Traceback" not in process.said()
    assert everything_in(redis7) == {}
