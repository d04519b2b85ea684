"""Tokens at the fake Gmail: they end, are refreshed, lack scopes, belong to one account, and may be taken away."""

from contextlib import closing

import httplib2
import pytest
from google.auth.exceptions import RefreshError
from google.oauth2 import service_account
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from tests.fakes.gmail import faults
from tests.fakes.gmail.fake_gmail import READ_SCOPE, FakeGmail
from tests.fakes.google_oauth import Mood
from tests.fixtures.gmail import GmailClient, MakeClient

SEND_SCOPE = "https://www.googleapis.com/auth/gmail.send"


def address(client: GmailClient) -> str:
    """Ask who is signed in."""
    return str(client.users().getProfile(userId="me").execute()["emailAddress"])


def test_an_ended_access_token_is_refreshed_once(gmail: FakeGmail, gmail_client: GmailClient) -> None:
    assert address(gmail_client) == address(gmail_client) == "ada@example.org"
    assert gmail.google.refreshes == 1
    gmail.google.end_access_tokens()
    assert address(gmail_client) == "ada@example.org"
    assert gmail.google.refreshes == 2


def test_an_access_token_ends_when_its_time_is_over(gmail: FakeGmail, gmail_client: GmailClient) -> None:
    gmail.google.expires_in = 0
    with pytest.raises(HttpError) as refused:
        address(gmail_client)
    assert refused.value.resp.status == 401
    assert gmail.google.refreshes > 1  # the client did try


@pytest.mark.parametrize("times", [1, None])
def test_401_once_and_for_ever(gmail: FakeGmail, gmail_client: GmailClient, times: int | None) -> None:
    address(gmail_client)
    gmail.faults.add(faults.UNAUTHENTICATED, "getProfile", times=times)
    if times:
        assert address(gmail_client) == "ada@example.org"
        assert gmail.google.refreshes == 2
        return
    with pytest.raises(HttpError, match="invalid authentication credentials") as refused:
        address(gmail_client)
    assert refused.value.error_details[0]["reason"] == "authError"


def test_a_sign_in_may_be_taken_from_one_account_alone(gmail: FakeGmail, make_gmail_client: MakeClient) -> None:
    gmail.add_account("bob@example.org")
    ada, bob = make_gmail_client(), make_gmail_client("bob@example.org")
    assert (address(ada), address(bob)) == ("ada@example.org", "bob@example.org")
    gmail.google.sign_out("ada@example.org")
    with pytest.raises(RefreshError, match="invalid_grant"):
        address(ada)
    assert address(bob) == "bob@example.org"
    assert address(make_gmail_client()) == "ada@example.org"  # signed in anew


def test_invalid_grant_for_everybody(gmail: FakeGmail, gmail_client: GmailClient) -> None:
    gmail.google.mood = Mood.INVALID_GRANT
    with pytest.raises(RefreshError, match="invalid_grant"):
        address(gmail_client)


def test_accounts_see_their_own_mail_only(gmail: FakeGmail, make_gmail_client: MakeClient) -> None:
    theirs = gmail.add_account("bob@example.org").add(b"Subject: theirs\r\n\r\n")
    ada = make_gmail_client()
    assert ada.users().messages().list(userId="me").execute()["resultSizeEstimate"] == 0
    with pytest.raises(HttpError) as refused:
        ada.users().messages().get(userId="me", id=theirs).execute()
    assert refused.value.resp.status == 404
    assert gmail.quota.units("bob@example.org") == 0


def test_a_scope_that_does_not_read_is_refused(gmail: FakeGmail, make_gmail_client: MakeClient) -> None:
    with pytest.raises(HttpError, match="insufficient authentication scopes") as refused:
        address(make_gmail_client(scopes=SEND_SCOPE))
    assert refused.value.resp.status == 403
    assert refused.value.error_details[0]["reason"] == "insufficientPermissions"


def delegated_client(gmail: FakeGmail, http: httplib2.Http, subject: str, scope: str = READ_SCOPE) -> GmailClient:
    key = gmail.service_account_key()
    credentials = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
        key, scopes=[scope], subject=subject
    )
    options = {"api_endpoint": gmail.endpoint}
    authorized = AuthorizedHttp(credentials, http=http)
    return build("gmail", "v1", http=authorized, cache_discovery=False, client_options=options)


def test_a_service_account_acts_for_the_people_of_its_domain(gmail: FakeGmail) -> None:
    gmail.add_account("bob@example.org")
    with closing(httplib2.Http(timeout=5)) as http:
        assert address(delegated_client(gmail, http, "bob@example.org")) == "bob@example.org"
        with pytest.raises(RefreshError, match="Invalid email or User ID"):
            address(delegated_client(gmail, http, "eve@example.org"))
        with pytest.raises(RefreshError, match="unauthorized_client"):
            address(delegated_client(gmail, http, "bob@example.org", SEND_SCOPE))
        client = delegated_client(gmail, http, "bob@example.org")
        gmail.service_account_key()  # a new key: what the old one signs is worth nothing
        with pytest.raises(RefreshError, match="Invalid JWT Signature"):
            address(client)
