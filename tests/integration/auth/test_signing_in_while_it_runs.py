"""A producer whose sign-in ended says so, asks Google no more, and reads on by itself once somebody has signed in."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests

from src.auth.token_file import StoredToken
from src.common.clock import SystemClock
from src.common.errors import SignInNeededError
from src.common.logs import account_tag
from src.store.opening import open_store
from tests.fakes.google_oauth import FakeGoogle
from tests.fixtures.dovecot import DovecotServer
from tests.fixtures.redis_servers import RedisServer
from tests.fixtures.services import free_port, wait_until
from tests.integration.producer.programs import Program, published, start_producer, stream_on

SignedIn = Callable[..., StoredToken]
MAIL = b"Subject: hello\r\n\r\nhello\r\n"
WAIT_S = 60.0

pytestmark = [pytest.mark.dovecot, pytest.mark.redis]


class RunningProducer:
    """A producer in a process of its own, seen from outside: its log, its metrics, its database."""

    def __init__(self, program: Program, account: str, database: Path, metrics_port: int) -> None:
        self._program = program
        self._account = account
        self._database = database
        self._metrics_port = metrics_port

    def failures(self) -> int:
        """Return how often it found that somebody has to sign in."""
        return self._program.said().count(f'"{SignInNeededError.code}"')

    def needs_sign_in(self) -> str:
        """Return the gauge's value; empty while nothing is known of the account."""
        try:
            text = requests.get(f"http://127.0.0.1:{self._metrics_port}/metrics", timeout=5).text
        except requests.ConnectionError:
            return ""
        start = f'email_ingestion_needs_sign_in{{account="{account_tag(self._account)}"}} '
        return next((line.removeprefix(start) for line in text.splitlines() if line.startswith(start)), "")

    def stop(self) -> None:
        """End it; it writes its last sync states. May be called twice."""
        self._program.stop()
        self._program.wait(WAIT_S)

    def codes(self) -> list[str]:
        """Return the error codes of the account's sync states in the database."""
        with closing(open_store(f"sqlite:///{self._database}", may_migrate=False)) as store:
            return [state.error_code for state in store.sync_states()]


@pytest.fixture
def producer(
    environment: dict[str, str], dovecot: DovecotServer, dovecot_user: str, redis62: RedisServer, tmp_path: Path,
    google: FakeGoogle, monkeypatch: pytest.MonkeyPatch,
) -> Iterator[RunningProducer]:  # fmt: skip
    """A producer that nobody has signed in for, with one mail to read."""
    monkeypatch.setenv("IMAP_USER", dovecot_user)
    google.make_access_token = lambda: dovecot.tokens.issue(dovecot_user)
    dovecot.deliver(dovecot_user, MAIL)
    metrics_port = free_port()
    settings = {
        **environment,
        "IMAP_USER": dovecot_user,
        "IMAP_HOST": "127.0.0.1",
        "IMAP_PORT": str(dovecot.plain_port),
        "IMAP_TLS": "none",
        "IMAP_AUTH": "xoauth2",
        "IMAP_POLL_INTERVAL_SECONDS": "1",
        "PRODUCER_METRICS_PORT": str(metrics_port),
    }
    program = start_producer(redis62, tmp_path, **settings)
    running = RunningProducer(program, dovecot_user, tmp_path / "mail.db", metrics_port)
    yield running
    running.stop()


def test_it_waits_says_so_and_goes_on_after_each_sign_in(
    producer: RunningProducer, google: FakeGoogle, redis62: RedisServer, signed_in: SignedIn, dovecot: DovecotServer,
    dovecot_user: str,
) -> None:  # fmt: skip
    stream = stream_on(redis62)
    wait_until(lambda: producer.needs_sign_in() == "1.0", what="the metric tells of it", timeout_s=WAIT_S)
    assert producer.codes() == [SignInNeededError.code]
    assert (producer.failures(), google.refreshes) == (1, 0)

    signed_in(account=dovecot_user, signed_in_at=SystemClock().now())
    wait_until(lambda: published(stream) == 1, what="the mail is read", timeout_s=WAIT_S)

    google.sign_out(google.account)
    dovecot.tokens.expire(google.access_tokens[-1])
    dovecot.kick(dovecot_user)
    wait_until(lambda: producer.failures() == 2, what="it tells that the sign-in ended", timeout_s=WAIT_S)
    assert google.refreshes == 2  # the one that brought a token, and the one that was refused

    dovecot.deliver(dovecot_user, MAIL)
    signed_in(account=dovecot_user, signed_in_at=SystemClock().now())
    wait_until(lambda: published(stream) == 2, what="the new mail is read", timeout_s=WAIT_S)
    assert google.refreshes == 3
    producer.stop()
    assert producer.codes() == [""]
