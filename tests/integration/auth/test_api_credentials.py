"""Our credentials in Google's own client, against a Gmail over HTTP: one refresh for all threads, and clear ends."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from threading import Barrier
from typing import Any

import httplib2
import pytest
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from config.settings import Settings, load
from src.auth.api_credentials import ApiCredentials, credentials_for
from src.auth.google_oauth import IMAP_SCOPE, READ_SCOPE
from src.auth.token_file import StoredToken
from src.common.clock import SystemClock
from src.common.errors import SignInNeededError, SourceUnavailableError
from tests.fakes.gmail import faults
from tests.fakes.gmail.fake_gmail import FakeGmail
from tests.fakes.google_oauth import Mood
from tests.integration.auth.conftest import ACCOUNT, PutKey

SignedIn = Callable[..., StoredToken]
Ask = Callable[[], str]  # whose mailbox it is, by one call on a connection of its own

THREADS = 8


@pytest.fixture
def by_api(environment: dict[str, str]) -> Settings:
    return load(use_gmail_api=True)


@pytest.fixture
def ask(gmail: FakeGmail, by_api: Settings) -> Iterator[Ask]:
    """One client for all threads; its own Http serves no call, since httplib2 is not thread-safe."""
    credentials = credentials_for(by_api)
    options = {"api_endpoint": gmail.endpoint}
    with closing(http_with(credentials)) as unused:
        service: Any = build("gmail", "v1", http=unused, static_discovery=True, client_options=options)

        def one_call() -> str:
            with closing(http_with(credentials)) as http:
                return str(service.users().getProfile(userId="me").execute(http=http)["emailAddress"])

        yield one_call


def http_with(credentials: ApiCredentials) -> AuthorizedHttp:
    return AuthorizedHttp(credentials, http=httplib2.Http(timeout=5.0), max_refresh_attempts=1)


def all_at_once(ask: Ask) -> list[str]:
    start = Barrier(THREADS)

    def one() -> str:
        start.wait()
        return ask()

    with ThreadPoolExecutor(THREADS) as threads:
        return [found.result() for found in [threads.submit(one) for _ in range(THREADS)]]


def test_many_threads_cause_one_refresh_at_first_and_one_when_the_token_ends_early(
    gmail: FakeGmail, signed_in: SignedIn, ask: Ask
) -> None:
    signed_in(scopes=(READ_SCOPE,), refresh_token=gmail.google.issue_refresh_token(READ_SCOPE))
    assert all_at_once(ask) == [ACCOUNT] * THREADS
    assert gmail.google.refreshes == 1
    gmail.google.end_access_tokens()
    assert all_at_once(ask) == [ACCOUNT] * THREADS
    assert gmail.google.refreshes == 2


def test_a_token_with_full_mail_access_serves_too(gmail: FakeGmail, signed_in: SignedIn, ask: Ask) -> None:
    signed_in(scopes=(IMAP_SCOPE,), refresh_token=gmail.google.issue_refresh_token(IMAP_SCOPE))
    assert ask() == ACCOUNT


def test_a_sign_in_that_ends_is_told_and_google_is_not_asked_again_until_there_is_a_new_one(
    gmail: FakeGmail, signed_in: SignedIn, ask: Ask
) -> None:
    signed_in(scopes=(READ_SCOPE,), refresh_token=gmail.google.issue_refresh_token(READ_SCOPE))
    ask()
    gmail.google.sign_out(ACCOUNT)
    for _ in range(3):
        with pytest.raises(SignInNeededError):
            ask()
    assert gmail.google.refreshes == 2  # the one that worked, and the one that was refused
    signed_in(
        signed_in_at=SystemClock().now(),
        scopes=(READ_SCOPE,),
        refresh_token=gmail.google.issue_refresh_token(READ_SCOPE),
    )
    assert ask() == ACCOUNT


def test_google_s_sign_in_away_is_a_passing_fault(gmail: FakeGmail, signed_in: SignedIn, ask: Ask) -> None:
    signed_in(scopes=(READ_SCOPE,), refresh_token=gmail.google.issue_refresh_token(READ_SCOPE))
    gmail.google.mood = Mood.BROKEN_JSON
    with pytest.raises(SourceUnavailableError):
        ask()
    gmail.google.mood = Mood.WELL
    assert ask() == ACCOUNT


def test_a_gmail_that_refuses_every_token_is_not_asked_for_ever(
    gmail: FakeGmail, signed_in: SignedIn, ask: Ask
) -> None:
    expires_at = SystemClock().now() + timedelta(hours=1)
    token = gmail.google.issue_access_token(READ_SCOPE)
    signed_in(scopes=(READ_SCOPE,), access_token=token, expires_at=expires_at)
    gmail.faults.add(faults.UNAUTHENTICATED, "getProfile", times=None)
    with pytest.raises(HttpError, match="401"):
        ask()
    assert gmail.google.refreshes == 1


def test_a_service_account_s_credentials(gmail: FakeGmail, by_api: Settings, put_key: PutKey) -> None:
    delegated = by_api.model_copy(update={"google_service_account_file": str(put_key())})
    headers: dict[str, str] = {}
    credentials_for(delegated).before_request(None, "GET", gmail.endpoint, headers)
    assert headers == {"authorization": f"Bearer {gmail.google.access_tokens[0]}"}
