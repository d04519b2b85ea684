"""The whole chain: token file → access token → a real IMAP server that asks who it is of; and when the token ended."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta

import pytest

from config.settings import Settings, load
from src.auth.token_file import StoredToken
from src.cli.opening import SettingsOpening
from src.cli.services import CensusSource
from src.common.clock import SystemClock
from src.common.errors import LoginRefusedError, SignInNeededError
from tests.fakes.google_oauth import FakeGoogle, Mood
from tests.fixtures.dovecot import DovecotServer
from tests.fixtures.redis_servers import RedisServer

SignedIn = Callable[..., StoredToken]
MAIL = b"From: ann@example.org\r\nSubject: hello\r\n\r\nhello\r\n"

pytestmark = [pytest.mark.dovecot, pytest.mark.redis]


@pytest.fixture
def at_server(
    settings: Settings, dovecot: DovecotServer, dovecot_user: str, redis62: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    dovecot.deliver(dovecot_user, MAIL)
    monkeypatch.setenv("IMAP_USER", dovecot_user)
    return load(
        imap_host="127.0.0.1",
        imap_port=dovecot.plain_port,
        imap_tls="none",
        imap_auth="xoauth2",
        redis_url=redis62.url,
        database_url="sqlite:///mail.db",
    )


def count(settings: Settings) -> int:
    with ExitStack() as closing:
        sources: list[CensusSource] = list(
            SettingsOpening().censuses(settings, settings.imap_user, mboxes=[], maildirs=[], closing=closing)
        )
        return sum(1 for source in sources for _ in source.census())


def in_an_hour() -> dict[str, object]:
    return {"expires_at": SystemClock().now() + timedelta(hours=1)}


def test_a_living_token_lets_in(
    google: FakeGoogle, at_server: Settings, signed_in: SignedIn, dovecot: DovecotServer, dovecot_user: str
) -> None:
    signed_in(account=dovecot_user, access_token=dovecot.tokens.issue(dovecot_user), **in_an_hour())
    assert (count(at_server), google.refreshes) == (1, 0)


def test_an_ended_token_is_refreshed_and_lets_in(
    google: FakeGoogle, at_server: Settings, signed_in: SignedIn, dovecot: DovecotServer, dovecot_user: str
) -> None:
    google.make_access_token = lambda: dovecot.tokens.issue(dovecot_user)
    signed_in(account=dovecot_user)
    assert (count(at_server), google.refreshes) == (1, 1)


def test_a_token_that_the_server_refuses_early_is_replaced_once(
    google: FakeGoogle, at_server: Settings, signed_in: SignedIn, dovecot: DovecotServer, dovecot_user: str
) -> None:
    google.make_access_token = lambda: dovecot.tokens.issue(dovecot_user)
    signed_in(account=dovecot_user, access_token="ya29.looks-alive", **in_an_hour())
    assert (count(at_server), google.refreshes) == (1, 1)


def test_a_server_that_refuses_every_token_is_not_asked_for_ever(
    google: FakeGoogle, at_server: Settings, signed_in: SignedIn, dovecot_user: str
) -> None:
    signed_in(account=dovecot_user, access_token="ya29.looks-alive", **in_an_hour())
    with pytest.raises(LoginRefusedError):
        count(at_server)
    assert google.refreshes == 1


def test_a_sign_in_that_ended_says_sign_in(
    google: FakeGoogle, at_server: Settings, signed_in: SignedIn, dovecot_user: str
) -> None:
    google.mood = Mood.INVALID_GRANT
    signed_in(account=dovecot_user)
    with pytest.raises(SignInNeededError):
        count(at_server)
