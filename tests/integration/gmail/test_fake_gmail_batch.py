"""The fake's batch endpoint through Google's own client: many calls, each with its own status."""

import base64
import http.client
from typing import Any

import pytest
from googleapiclient.errors import HttpError
from googleapiclient.http import BatchHttpRequest

from tests.fakes.gmail import faults
from tests.fakes.gmail.fake_gmail import FakeGmail
from tests.fakes.gmail.quota import LEGACY
from tests.fixtures.gmail import GmailClient

MAIL = b"Subject: hello\r\n\r\n--batch_\r\nFrom \xc3\xa9\r\n"


def batch(gmail: FakeGmail, client: GmailClient, ids: list[str]) -> dict[str, Any]:
    """Get mails in one batch; return the raw mail, or the error's status, by id."""
    found: dict[str, Any] = {}

    def note(request_id: str, answer: Any, error: HttpError | None) -> None:
        found[request_id] = error.resp.status if error else base64.urlsafe_b64decode(answer["raw"])

    requests = BatchHttpRequest(callback=note, batch_uri=gmail.batch_uri)
    for mail_id in ids:
        requests.add(client.users().messages().get(userId="me", id=mail_id, format="raw"), request_id=mail_id)
    requests.execute()
    return found


def test_each_call_has_its_own_answer(gmail: FakeGmail, gmail_client: GmailClient) -> None:
    ids = [gmail.mailbox.add(MAIL + b"%d" % number) for number in range(20)]
    gmail.mailbox.delete(ids[3])
    truth = gmail.mailbox.truth()
    found = batch(gmail, gmail_client, ids)
    assert found == {mail_id: truth[mail_id].raw if mail_id in truth else 404 for mail_id in ids}


def test_a_batch_costs_what_its_calls_cost_and_some_may_be_refused(gmail: FakeGmail, gmail_client: GmailClient) -> None:
    gmail.quota.profile = LEGACY
    gmail.quota.is_enforced = True
    found = batch(gmail, gmail_client, [gmail.mailbox.add(MAIL) for _ in range(60)])
    statuses = [answer for answer in found.values() if isinstance(answer, int)]
    assert statuses == [429] * 10
    assert gmail.quota.units() == 250 == gmail.quota.peak(1.0)


def test_calls_of_a_batch_run_at_the_same_moment(gmail: FakeGmail, gmail_client: GmailClient) -> None:
    gmail.quota.max_concurrent = 8
    found = batch(gmail, gmail_client, [gmail.mailbox.add(MAIL) for _ in range(10)])
    assert sorted(str(answer) for answer in found.values()).count("429") == 2
    assert gmail.quota.peak_concurrent == 8
    assert len(batch(gmail, gmail_client, sorted(gmail.mailbox.truth())[:8])) == 8


def test_faults_strike_single_calls_or_the_whole(gmail: FakeGmail, gmail_client: GmailClient) -> None:
    ids = [gmail.mailbox.add(MAIL) for _ in range(4)]
    gmail.faults.add(faults.server_error(503), "messages.get", about=ids[1])
    assert [answer == 503 for answer in batch(gmail, gmail_client, ids).values()] == [False, True, False, False]
    gmail.faults.clear()
    gmail.faults.add(faults.server_error(503), "batch", times=1)
    with pytest.raises(HttpError) as refused:
        batch(gmail, gmail_client, ids)
    assert refused.value.resp.status == 503
    gmail.faults.add(faults.cut(0.5), "batch", times=1)
    with pytest.raises(http.client.IncompleteRead):
        batch(gmail, gmail_client, ids)


def test_a_batch_of_more_than_a_hundred_is_refused(gmail: FakeGmail, gmail_client: GmailClient) -> None:
    with pytest.raises(HttpError, match="1 to 100"):
        batch(gmail, gmail_client, [f"{number:016x}" for number in range(101)])
