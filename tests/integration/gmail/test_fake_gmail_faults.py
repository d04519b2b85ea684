"""The fake's bad days as Google's own client meets them."""

import http.client
import json
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from googleapiclient.errors import HttpError

from tests.fakes.gmail import faults
from tests.fakes.gmail.fake_gmail import FakeGmail
from tests.fakes.gmail.faults import Fault, throttled
from tests.fixtures.gmail import GmailClient, MakeClient

MAIL = b"Subject: hello\r\n\r\n" + b"text " * 2_000


@pytest.fixture
def get(gmail: FakeGmail, gmail_client: GmailClient) -> Any:
    """The call that is hurt: one mail, raw."""
    return gmail_client.users().messages().get(userId="me", id=gmail.mailbox.add(MAIL), format="raw")


def refusal(call: Any) -> HttpError:
    with pytest.raises(HttpError) as refused:
        call.execute()
    error: HttpError = refused.value
    return error


@pytest.mark.parametrize("code", [429, 403])
@pytest.mark.parametrize("reason", ["rateLimitExceeded", "userRateLimitExceeded"])
@pytest.mark.parametrize("retry_after", ["none", "seconds", "date", "text"])
def test_throttling_in_all_its_forms(gmail: FakeGmail, get: Any, code: Any, reason: Any, retry_after: Any) -> None:
    gmail.faults.add(throttled(code, reason, retry_after=retry_after, wait_s=7), "messages.get", times=1)
    error = refusal(get)
    body = json.loads(error.content)["error"]
    assert error.resp.status == body["code"] == code
    assert [(found["reason"], found["domain"]) for found in body["errors"]] == [(reason, "usageLimits")]
    assert body["status"] == ("RESOURCE_EXHAUSTED" if code == 429 else "PERMISSION_DENIED")
    told = error.resp.get("retry-after")
    match retry_after:
        case "seconds":
            assert told == "7"
        case "date":
            assert 4 < (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds() <= 7
        case "text":
            moment = datetime.fromisoformat(error.reason.partition("Retry after ")[2])
            assert 4 < (moment - datetime.now(UTC)).total_seconds() <= 7
    if retry_after != "text":
        assert "Retry after" not in error.reason
    assert (told is None) is (retry_after in ("none", "text"))
    assert get.execute()["raw"]


@pytest.mark.parametrize(
    ("fault", "code", "status", "reason"),
    [
        (faults.FAILED_PRECONDITION, 400, "FAILED_PRECONDITION", "failedPrecondition"),
        (faults.INSUFFICIENT_PERMISSIONS, 403, "PERMISSION_DENIED", "insufficientPermissions"),
        (faults.DOMAIN_POLICY, 403, "PERMISSION_DENIED", "domainPolicy"),
        (faults.NOT_FOUND, 404, "NOT_FOUND", "notFound"),
        (faults.server_error(500), 500, "INTERNAL", "backendError"),
        (faults.server_error(503), 503, "UNAVAILABLE", "backendError"),
        (faults.server_error(504), 504, "DEADLINE_EXCEEDED", "backendError"),
    ],
)
def test_error_bodies(gmail: FakeGmail, get: Any, fault: Fault, code: int, status: str, reason: str) -> None:
    gmail.faults.add(fault, "messages.get", times=1)
    error = refusal(get)
    body = json.loads(error.content)["error"]
    assert (error.resp.status, body["code"], body["status"], body["errors"][0]["reason"]) == (
        code,
        code,
        status,
        reason,
    )
    assert body["message"] == error.reason != ""
    assert get.execute()["raw"]


def test_a_bad_gateway_is_html(gmail: FakeGmail, get: Any) -> None:
    gmail.faults.add(faults.server_error(502), times=1)
    error = refusal(get)
    assert error.resp.status == 502
    assert error.content.startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_body_that_is_cut_short(gmail: FakeGmail, get: Any, share: float) -> None:
    gmail.faults.add(faults.cut(share), "messages.get", times=1)
    with pytest.raises(http.client.IncompleteRead):
        get.execute()


def test_a_connection_that_is_cut_before_the_answer(gmail: FakeGmail, get: Any) -> None:
    assert get.execute()["raw"]
    gmail.faults.add(faults.HANGS_UP, "messages.get", times=3)  # httplib2 itself tries again
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        get.execute()


def test_broken_json_with_a_good_status(gmail: FakeGmail, get: Any) -> None:
    gmail.faults.add(faults.broken_json(), "messages.get", times=1)
    assert isinstance(get.execute(), str)  # a trap of the client: no error


def test_slow_and_dripping_answers(gmail: FakeGmail, get: Any) -> None:
    gmail.faults.add(faults.slow(0.2), "messages.get", times=1)
    began = time.monotonic()
    assert get.execute()["raw"]
    assert time.monotonic() - began >= 0.2
    gmail.faults.add(faults.dripping(0.02), "messages.get", times=1)
    began = time.monotonic()
    assert get.execute()["raw"]
    assert time.monotonic() - began >= 0.2  # over ten pieces


def test_an_answer_slower_than_the_time_out_is_an_error(gmail: FakeGmail, get: Any) -> None:
    get.http.http.timeout = 0.2
    gmail.faults.add(faults.slow(30), "messages.get")
    with pytest.raises(TimeoutError):
        get.execute()


def test_latency_is_on_every_answer(gmail: FakeGmail, get: Any) -> None:
    get.execute()
    gmail.latency_s = 0.05
    began = time.monotonic()
    for _ in range(3):
        get.execute()
    assert 0.15 <= time.monotonic() - began < 1


def test_rules_are_about_a_method_a_mail_and_a_number_of_times(gmail: FakeGmail, gmail_client: GmailClient) -> None:
    messages = gmail_client.users().messages()
    hurt, well = gmail.mailbox.add(MAIL), gmail.mailbox.add(MAIL)
    rule = gmail.faults.add(faults.NOT_FOUND, "messages.get", about=hurt, times=2)
    messages.get(userId="me", id=well).execute()
    messages.list(userId="me").execute()
    for _ in range(2):
        assert refusal(messages.get(userId="me", id=hurt)).resp.status == 404
    messages.get(userId="me", id=hurt).execute()
    assert rule.struck == 2


def test_a_rule_may_strike_each_mail_once(gmail: FakeGmail, gmail_client: GmailClient) -> None:
    messages = gmail_client.users().messages()
    gmail.faults.add(faults.NOT_FOUND, "messages.get", once_each=True)  # not visible yet
    for mail_id in (gmail.mailbox.add(MAIL), gmail.mailbox.add(MAIL)):
        assert refusal(messages.get(userId="me", id=mail_id)).resp.status == 404
        messages.get(userId="me", id=mail_id).execute()


def test_rules_may_last_for_a_time_and_be_cleared(gmail: FakeGmail, get: Any) -> None:
    gmail.faults.add(faults.server_error(503), lasting_s=0.1)
    assert refusal(get).resp.status == 503
    time.sleep(0.1)
    get.execute()
    gmail.faults.add(faults.server_error(500))
    assert refusal(get).resp.status == 500
    gmail.faults.clear()
    get.execute()


def test_chance_is_the_same_each_time(gmail: FakeGmail) -> None:
    rows = []
    for _ in range(2):
        dice = faults.Faults(seed=7)
        dice.add(faults.NOT_FOUND, "messages.get", probability=0.1)
        rows.append([dice.pick("gmail.users.messages.get") is not None for _ in range(1_000)])
    assert rows[0] == rows[1]
    assert 50 < sum(rows[0]) < 150


def test_the_server_may_go_away_and_come_back(gmail: FakeGmail, get: Any, make_gmail_client: MakeClient) -> None:
    get.execute()
    gmail.http.stop()
    with pytest.raises(ConnectionError):
        get.execute()
    gmail.http.start()
    assert get.execute()["raw"]
