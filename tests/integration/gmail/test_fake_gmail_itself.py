"""The fake tells when it is broken itself, so that no test passes on an answer that Gmail would never give."""

import http.client

import pytest

from tests.fakes.gmail import forms
from tests.fakes.gmail.fake_gmail import FakeGmail
from tests.fixtures.gmail import GmailClient
from tests.integration.gmail.walks import listed_ids


def test_an_answer_that_breaks_the_schema_is_a_mistake(
    gmail: FakeGmail, gmail_client: GmailClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    gmail.mailbox.add(b"Subject: hello\r\n\r\n")
    monkeypatch.setattr(forms, "reference", lambda mail: {"id": 7, "thread": mail.thread_id})
    gmail_client.users().messages().list(userId="me").execute()
    assert gmail.mistakes == [
        "gmail.users.messages.list: answer.messages[0].id: int where string is expected",
        "gmail.users.messages.list: answer.messages[0].thread: no such property",
    ]
    gmail.service.mistakes.clear()


def test_a_hook_that_fails_is_told_and_hangs_up(gmail: FakeGmail, gmail_client: GmailClient) -> None:
    for _ in range(2):
        gmail.mailbox.add(b"Subject: hello\r\n\r\n")

    def fail(_method: str, _number: int) -> None:
        raise RuntimeError("the hook failed")

    gmail.paging.between_pages = fail
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        listed_ids(gmail_client, maxResults=1)
    assert "the hook failed" in gmail.mistakes[0]
    gmail.http.errors.clear()
