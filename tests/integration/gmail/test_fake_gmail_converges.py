"""A plain sync that does all by the book ends at the fake's truth, while a user works and answers go wrong.

If this fails, the fake contradicts itself, and tests of a real sync against it prove nothing.
"""

import base64
import hashlib
import http.client
import threading
from typing import Any

import pytest
from googleapiclient.errors import HttpError

from tests.fakes.gmail import faults
from tests.fakes.gmail.busy_user import BusyUser
from tests.fakes.gmail.fake_gmail import FakeGmail
from tests.fixtures.gmail import GmailClient
from tests.integration.gmail.walks import apply

MAILS_BEFORE = 60
ACTS_MEANWHILE = 150
MOST_TRIES = 60  # of one call


class PlainSync:
    """Knows labels and hashes by id: backfill from a marker, then history; all over again when it has expired."""

    def __init__(self, client: GmailClient) -> None:
        self._users = client.users()
        self._marker = ""
        self.labels: dict[str, set[str]] = {}
        self.hashes: dict[str, str] = {}

    def backfill(self) -> None:
        self._marker = self._try(self._users.getProfile(userId="me"))["historyId"]
        self.labels, token = {}, None
        while True:
            query = {"pageToken": token, "maxResults": 20, "includeSpamTrash": True}
            page = self._try(self._users.messages().list(userId="me", **query))
            for mail in page.get("messages", []):
                self._fetch(mail["id"])
            if (token := page.get("nextPageToken")) is None:
                return

    def catch_up(self) -> None:
        token, marker = None, ""
        while True:
            query = {"startHistoryId": self._marker, "pageToken": token, "maxResults": 7}
            page = self._try(self._users.history().list(userId="me", **query))
            if page is None:
                self.backfill()
                return
            marker = marker or page["historyId"]
            apply(page.get("history", []), self.labels)
            if (token := page.get("nextPageToken")) is None:
                break
        self._marker = marker
        for mail_id in self.labels.keys() - self.hashes.keys():
            self._fetch(mail_id, is_new=False)

    def _fetch(self, mail_id: str, *, is_new: bool = True) -> None:
        answer = self._try(self._users.messages().get(userId="me", id=mail_id, format="raw"))
        if answer is None:
            return  # gone: the history will say so
        self.hashes[mail_id] = hashlib.sha256(base64.urlsafe_b64decode(answer["raw"])).hexdigest()
        if is_new:
            self.labels[mail_id] = set(answer.get("labelIds", []))

    def _try(self, call: Any) -> Any:
        """Carry out a call; None when it is answered 404."""
        for _ in range(MOST_TRIES):
            try:
                answer = call.execute()
            except HttpError as error:
                if error.resp.status == 404:
                    return None
            except (http.client.HTTPException, OSError):
                pass
            else:
                if isinstance(answer, dict):  # broken JSON comes as a text
                    return answer
        raise AssertionError("no answer after many tries")


@pytest.mark.parametrize("seed", [1, 2])
def test_a_sync_by_the_book_ends_at_the_truth(gmail: FakeGmail, gmail_client: GmailClient, seed: int) -> None:
    user = BusyUser(gmail.mailbox, seed)
    for _ in range(MAILS_BEFORE):
        user.do("add")
    bad_days = (
        faults.throttled(429),
        faults.throttled(403, "userRateLimitExceeded"),
        faults.FAILED_PRECONDITION,
        faults.UNAUTHENTICATED,
        faults.server_error(502),
        faults.server_error(503),
        faults.cut(0.5),
        faults.HANGS_UP,
        faults.broken_json(),
    )
    rules = [gmail.faults.add(fault, probability=0.01) for fault in bad_days]
    gmail.paging.empty_pages = {2}
    sync = PlainSync(gmail_client)
    working = threading.Thread(target=lambda: [user.act() for _ in range(ACTS_MEANWHILE)])
    gmail.paging.between_pages = lambda _method, _number: user_acts_once(working)
    sync.backfill()
    sync.catch_up()
    working.join()
    gmail.mailbox.expire_history()
    sync.catch_up()
    truth = gmail.mailbox.truth()
    sync.catch_up()
    assert sync.labels == {mail.id: mail.labels for mail in truth.values()}
    assert {mail_id: sync.hashes[mail_id] for mail_id in truth} == {mail.id: mail.sha256 for mail in truth.values()}
    assert sum(rule.struck for rule in rules) > 0


def user_acts_once(working: threading.Thread) -> None:
    """Let the user begin to work in the middle of the first walk."""
    if working.ident is None:
        working.start()
