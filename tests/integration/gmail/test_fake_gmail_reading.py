"""The fake Gmail through Google's own client: profile, labels, lists, mails in every form, partial answers."""

import base64
import gzip
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pytest
from googleapiclient.errors import HttpError

from tests.fakes.gmail.fake_gmail import READ_SCOPE, FakeGmail
from tests.fixtures.gmail import GmailClient, MakeClient
from tests.integration.gmail.walks import apply, listed_ids, message_pages, records

MAIL = b"From: Ada <ada@example.org>\r\nSubject: hello\r\nX-Odd: one\r\n\r\nThe text\r\n  of it.\r\n"
WITH_PARTS = (
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>=C3=A9</p>\r\n"
    b"--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n--b--\r\n"
)


def get(client: GmailClient, mail_id: str, **query: Any) -> Any:
    return client.users().messages().get(userId="me", id=mail_id, **query).execute()


def refusal(call: Any) -> HttpError:
    with pytest.raises(HttpError) as refused:
        call.execute()
    error: HttpError = refused.value
    return error


def test_raw_brings_the_mail_byte_for_byte(gmail: FakeGmail, gmail_client: GmailClient) -> None:
    for raw in (MAIL, b"", bytes(range(256)) * 400):
        answer = get(gmail_client, gmail.mailbox.add(raw), format="raw")
        content = base64.urlsafe_b64decode(answer["raw"])
        assert content == raw
        truth = gmail.mailbox.truth()[answer["id"]]
        assert hashlib.sha256(content).hexdigest() == truth.sha256
        assert int(answer["internalDate"]) == truth.internal_date_ms
        assert int(answer["historyId"]) == truth.history_id
        assert answer["threadId"] == truth.thread_id
        assert set(answer["labelIds"]) == truth.labels
        assert answer["sizeEstimate"] == len(raw)


def test_other_forms_of_a_mail(gmail: FakeGmail, gmail_client: GmailClient) -> None:
    mail_id = gmail.mailbox.add(MAIL, labels=[])
    minimal = get(gmail_client, mail_id, format="minimal")
    assert minimal["snippet"] == "The text of it."
    assert not {"labelIds", "raw", "payload"} & minimal.keys()  # no labels: no list at all
    named = get(gmail_client, mail_id, format="metadata", metadataHeaders=["subject", "from"])
    assert [header["name"] for header in named["payload"]["headers"]] == ["From", "Subject"]
    assert len(get(gmail_client, mail_id, format="metadata")["payload"]["headers"]) == 3
    html, pdf = get(gmail_client, gmail.mailbox.add(WITH_PARTS))["payload"]["parts"]
    assert base64.urlsafe_b64decode(html["body"]["data"]).decode() == "<p>é</p>"
    assert (pdf["filename"], pdf["partId"], pdf["body"]["size"]) == ("a.pdf", "1", 4)


def test_fields_trim_the_answer(gmail: FakeGmail, gmail_client: GmailClient) -> None:
    mail_id = gmail.mailbox.add(MAIL)
    assert get(gmail_client, mail_id, format="raw", fields="id,labelIds").keys() == {"id", "labelIds"}
    (page,) = message_pages(gmail_client, fields="nextPageToken,messages/id")
    assert page == {"messages": [{"id": mail_id}]}
    error = refusal(gmail_client.users().messages().get(userId="me", id=mail_id, fields="body"))
    assert error.resp.status == 400
    assert error.reason == "Invalid field selection body"


def test_what_is_not_there_or_not_right_is_refused(gmail: FakeGmail, gmail_client: GmailClient) -> None:
    gone = gmail.mailbox.add(MAIL)
    gmail.mailbox.delete(gone)
    messages = gmail_client.users().messages()
    error = refusal(messages.get(userId="me", id=gone))
    assert error.resp.status == 404
    assert error.error_details == [
        {"message": "Requested entity was not found.", "domain": "global", "reason": "notFound"}
    ]
    assert refusal(messages.get(userId="me", id="no-id")).resp.status == 400
    assert refusal(messages.get(userId="bob@example.org", id=gone)).resp.status == 403
    assert refusal(messages.list(userId="me", pageToken="made-up")).resp.status == 400
    assert refusal(messages.list(userId="me", q="has:attachment")).resp.status == 400
    assert refusal(messages.trash(userId="me", id=gone)).resp.status == 501


def test_profile_and_labels(gmail: FakeGmail, gmail_client: GmailClient) -> None:
    first = gmail.mailbox.add(MAIL)
    gmail.mailbox.add(MAIL, thread_id=first)
    assert gmail_client.users().getProfile(userId="me").execute() == {
        "emailAddress": "ada@example.org",
        "messagesTotal": 2,
        "threadsTotal": 1,
        "historyId": str(gmail.mailbox.history_id),
    }
    label = gmail.mailbox.create_label("Work")
    gmail.mailbox.rename_label(label, "Play")
    labels = gmail_client.users().labels().list(userId="me").execute()["labels"]
    assert {"id": label, "name": "Play", "type": "user"}.items() <= labels[-1].items()
    assert {"INBOX", "SPAM", "TRASH", "DRAFT"} <= {found["id"] for found in labels if found["type"] == "system"}


def test_lists_are_complete_whatever_the_pages(gmail: FakeGmail, gmail_client: GmailClient) -> None:
    newest_first = [gmail.mailbox.add(MAIL) for _ in range(23)][::-1]
    for size in (1, 7, 23, 500):
        assert listed_ids(gmail_client, maxResults=size) == newest_first
    gmail.paging.largest = 4  # Google may give less than was asked for
    gmail.paging.empty_pages = {1, 3, 4}
    pages = list(message_pages(gmail_client, maxResults=500))
    assert [len(page.get("messages", [])) for page in pages] == [0, 4, 0, 0, 4, 4, 4, 4, 3]
    assert [mail["id"] for page in pages for mail in page.get("messages", [])] == newest_first


def test_spam_and_trash_are_listed_only_when_asked_for(gmail: FakeGmail, gmail_client: GmailClient) -> None:
    inbox, spam = gmail.mailbox.add(MAIL), gmail.mailbox.add(MAIL, labels=["SPAM"])
    trash = gmail.mailbox.add(MAIL)
    gmail.mailbox.trash(trash)
    assert listed_ids(gmail_client) == [inbox]
    assert listed_ids(gmail_client, includeSpamTrash=True) == [trash, spam, inbox]
    assert listed_ids(gmail_client, includeSpamTrash=True, labelIds=["TRASH", "UNREAD"]) == [trash]
    assert listed_ids(gmail_client, q="in:spam") == [spam]
    assert listed_ids(gmail_client, q="from:ada -in:inbox", includeSpamTrash=True) == [trash, spam]


def test_a_token_fits_only_its_own_question(gmail: FakeGmail, gmail_client: GmailClient) -> None:
    for _ in range(3):
        gmail.mailbox.add(MAIL)
    messages = gmail_client.users().messages()
    token = messages.list(userId="me", maxResults=1).execute()["nextPageToken"]
    assert len(messages.list(userId="me", pageToken=token, maxResults=2).execute()["messages"]) == 2
    assert refusal(messages.list(userId="me", pageToken=token, q="in:inbox")).resp.status == 400
    history = gmail_client.users().history()
    assert refusal(history.list(userId="me", pageToken=token, startHistoryId="1")).resp.status == 400


def test_mail_that_arrives_in_mid_walk_is_in_the_history_from_before_it(
    gmail: FakeGmail, gmail_client: GmailClient
) -> None:
    for _ in range(10):
        gmail.mailbox.add(MAIL)
    walked: list[tuple[str, int]] = []

    def meddle(method: str, page: int) -> None:
        walked.append((method, page))
        gmail.mailbox.add(MAIL)
        gmail.mailbox.relabel(min(gmail.mailbox.truth()), add=["STARRED"])
        gmail.mailbox.delete(sorted(gmail.mailbox.truth())[1])

    marker = gmail_client.users().getProfile(userId="me").execute()["historyId"]
    gmail.paging.between_pages = meddle
    known: dict[str, set[str]] = {mail_id: set() for mail_id in listed_ids(gmail_client, maxResults=3)}
    gmail.paging.between_pages = None
    assert walked == [("gmail.users.messages.list", page) for page in (2, 3)]
    for mail_id in known:
        known[mail_id] = set(get(gmail_client, mail_id, format="minimal").get("labelIds", []))
    apply(records(gmail_client, marker), known)
    assert known == {mail.id: mail.labels for mail in gmail.mailbox.truth().values()}


@pytest.mark.parametrize(
    ("accepted", "agent", "is_packed"),
    [
        ("gzip, deflate", "client (gzip)", True),
        ("gzip, deflate", "client", False),  # Google wants the word there too
        ("identity", "client (gzip)", False),
    ],
)
def test_gzip_needs_both_headers(gmail: FakeGmail, accepted: str, agent: str, is_packed: bool) -> None:
    gmail.http.gzip_level = 6
    mail_id = gmail.mailbox.add(MAIL * 100)
    token = gmail.google.issue_access_token(READ_SCOPE)
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": accepted, "User-Agent": agent}
    with closing(HTTPConnection("127.0.0.1", gmail.http.port, timeout=5)) as connection:
        connection.request("GET", f"/gmail/v1/users/me/messages/{mail_id}?format=raw", headers=headers)
        answer = connection.getresponse()
        content = answer.read()
    assert answer.headers.get("Content-Encoding") == ("gzip" if is_packed else None)
    raw = json.loads(gzip.decompress(content) if is_packed else content)["raw"]
    assert base64.urlsafe_b64decode(raw) == MAIL * 100
    assert (len(content) < len(raw)) is is_packed


def test_many_threads_read_what_one_thread_reads(
    gmail: FakeGmail, gmail_client: GmailClient, make_gmail_client: MakeClient
) -> None:
    ids = [gmail.mailbox.add(MAIL + b"%d" % number) for number in range(100)]
    clients = [make_gmail_client() for _ in range(4)]

    def fetch(part: int) -> dict[str, str]:
        return {mail_id: get(clients[part], mail_id, format="raw")["raw"] for mail_id in ids[part::4]}

    with ThreadPoolExecutor(4) as pool:
        fetched = {mail_id: raw for part in pool.map(fetch, range(4)) for mail_id, raw in part.items()}
    truth = gmail.mailbox.truth()
    assert {mail_id: base64.urlsafe_b64decode(raw) for mail_id, raw in fetched.items()} == {
        mail_id: truth[mail_id].raw for mail_id in ids
    }
    assert {gmail.gets(mail_id) for mail_id in ids} == {1}
