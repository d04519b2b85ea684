"""Quota at the fake over HTTP: what calls cost, refusals, concurrency, and that the fake itself is quick."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from typing import Literal

import pytest
from googleapiclient.errors import HttpError

from tests.fakes.gmail import faults
from tests.fakes.gmail.fake_gmail import READ_SCOPE, FakeGmail
from tests.fakes.gmail.quota import LEGACY, SINCE_2026, QuotaProfile
from tests.fixtures.gmail import GmailClient

MAIL = b"Subject: hello\r\n\r\n"
GETS_PER_SECOND = 500  # what a sync at full speed needs the fake to bear


def fetch_all(gmail: FakeGmail, ids: list[str], *, threads: int) -> list[int]:
    """Get mails as fast as the fake answers; return the statuses."""
    token = gmail.google.issue_access_token(READ_SCOPE)

    def fetch(part: int) -> list[int]:
        statuses = []
        with closing(HTTPConnection("127.0.0.1", gmail.http.port, timeout=10)) as connection:
            for mail_id in ids[part::threads]:
                path = f"/gmail/v1/users/me/messages/{mail_id}?format=raw&fields=id,raw"
                connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
                answer = connection.getresponse()
                answer.read()
                statuses.append(answer.status)
        return statuses

    with ThreadPoolExecutor(threads) as pool:
        return [status for statuses in pool.map(fetch, range(threads)) for status in statuses]


@pytest.mark.parametrize(("profile", "units"), [(SINCE_2026, 29), (LEGACY, 14)])
def test_units_of_a_small_backfill(
    gmail: FakeGmail, gmail_client: GmailClient, profile: QuotaProfile, units: int
) -> None:
    gmail.quota.profile = profile
    users = gmail_client.users()
    mail_id = gmail.mailbox.add(MAIL)
    marker = users.getProfile(userId="me").execute()["historyId"]
    users.labels().list(userId="me").execute()
    users.messages().list(userId="me").execute()
    users.messages().get(userId="me", id=mail_id, format="raw").execute()
    users.history().list(userId="me", startHistoryId=marker).execute()
    assert gmail.quota.units("ada@example.org") == units
    assert gmail.quota.peak(60.0) == units
    assert [spent.units for spent in gmail.quota.log] == [1, 1, 5, profile.costs["gmail.users.messages.get"], 2]


@pytest.mark.parametrize("code", [429, 403])
def test_over_the_budget_calls_are_refused(
    gmail: FakeGmail, gmail_client: GmailClient, code: Literal[403, 429]
) -> None:
    gmail.quota.profile = QuotaProfile("small", SINCE_2026.costs, ((60.0, 40),))
    gmail.quota.is_enforced = True
    gmail.quota.refusal_code = code
    mail_id = gmail.mailbox.add(MAIL)
    get = gmail_client.users().messages().get(userId="me", id=mail_id)
    get.execute()
    get.execute()
    with pytest.raises(HttpError, match="Queries per minute per user") as refused:
        get.execute()
    assert refused.value.resp.status == code
    assert refused.value.error_details[0]["reason"] == "rateLimitExceeded"
    assert (gmail.quota.units(), gmail.quota.refusals["ada@example.org"]) == (40, 1)
    assert gmail.gets(mail_id) == 3


@pytest.mark.parametrize("is_far_away", [True, False])
def test_too_many_at_the_same_moment_are_refused(gmail: FakeGmail, is_far_away: bool) -> None:
    ids = [gmail.mailbox.add(MAIL) for _ in range(6)]
    gmail.quota.max_concurrent = 4
    if is_far_away:
        gmail.latency_s = 0.3
    else:
        gmail.faults.add(faults.slow(0.3), "messages.get")
    assert sorted(fetch_all(gmail, ids, threads=6)) == [200] * 4 + [429] * 2
    assert gmail.quota.peak_concurrent == 4
    assert sorted(seen.status for seen in gmail.log) == [200] * 4 + [429] * 2


def test_the_fake_bears_a_sync_at_full_speed(gmail: FakeGmail) -> None:
    ids = [gmail.mailbox.add(MAIL + b"x" * 30_000) for _ in range(GETS_PER_SECOND)]
    began = time.process_time()
    statuses = fetch_all(gmail, ids, threads=4)
    took_s = time.process_time() - began  # CPU of both sides, so twice what the fake alone takes
    assert statuses == [200] * len(ids)
    assert took_s < 2.0
    assert gmail.gets_by_id() == dict.fromkeys(ids, 1)
