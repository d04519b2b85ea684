"""The fake's history through Google's own client: kinds, filters, pages, markers, expiry."""

from itertools import pairwise

import pytest
from googleapiclient.errors import HttpError

from tests.fakes.gmail.fake_gmail import FakeGmail
from tests.fixtures.gmail import GmailClient
from tests.integration.gmail.walks import apply, history_pages, records

MAIL = b"Subject: hello\r\n\r\n"


def test_each_kind_of_change_has_its_list_and_the_labels_after_it(gmail: FakeGmail, gmail_client: GmailClient) -> None:
    start = gmail.mailbox.history_id
    first, second = gmail.mailbox.add(MAIL), gmail.mailbox.add(MAIL, labels=["SENT"])
    gmail.mailbox.relabel(first, second, add=["STARRED"])  # one act, two mails
    gmail.mailbox.trash(first)
    gmail.mailbox.relabel(second, remove=["SENT", "STARRED"])
    gmail.mailbox.relabel(second, remove=["SENT"])  # changes nothing: leaves no trace
    gmail.mailbox.delete(first)
    found = records(gmail_client, start)
    assert [sorted(record.keys() - {"id", "messages"}) for record in found] == [
        ["messagesAdded"],
        ["messagesAdded"],
        ["labelsAdded"],
        ["labelsAdded", "labelsRemoved"],
        ["labelsRemoved"],
        ["messagesDeleted"],
    ]
    assert [entry["message"]["id"] for entry in found[2]["labelsAdded"]] == [first, second]
    assert found[3]["labelsAdded"][0]["labelIds"] == ["TRASH"]
    assert found[3]["labelsRemoved"][0]["message"]["labelIds"] == ["STARRED", "TRASH", "UNREAD"]
    assert "labelIds" not in found[4]["labelsRemoved"][0]["message"]  # none are left: no list
    assert found[5]["messagesDeleted"] == [{"message": {"id": first, "threadId": first}}]


def test_resulting_labels_may_be_left_out(gmail: FakeGmail, gmail_client: GmailClient) -> None:
    gmail.desk.tells_resulting_labels = False
    start = gmail.mailbox.history_id
    gmail.mailbox.trash(gmail.mailbox.add(MAIL))
    added, changed = records(gmail_client, start)
    assert "labelIds" not in added["messagesAdded"][0]["message"]
    assert changed["labelsAdded"][0].keys() == {"message", "labelIds"}
    assert "labelIds" not in changed["labelsAdded"][0]["message"]


def test_ids_grow_with_gaps_beyond_what_a_float_holds(gmail: FakeGmail, gmail_client: GmailClient) -> None:
    start = gmail.mailbox.history_id
    for _ in range(60):
        gmail.mailbox.add(MAIL)
    texts = [record["id"] for record in records(gmail_client, start)]
    ids = [int(text) for text in texts]
    assert ids == sorted(set(ids))
    assert min(ids) > 2**53
    assert any(after - before > 1 for before, after in pairwise(ids))
    assert texts != sorted(texts)  # they get a digit longer: who compares them as texts goes wrong


def test_pages_may_be_small_or_empty_and_filters_apply(gmail: FakeGmail, gmail_client: GmailClient) -> None:
    start = gmail.mailbox.history_id
    ids = [gmail.mailbox.add(MAIL) for _ in range(5)]
    gmail.mailbox.relabel(ids[0], add=["STARRED"])
    gmail.mailbox.delete(ids[1])
    gmail.paging.empty_pages = {2}
    pages = list(history_pages(gmail_client, start, maxResults=3))
    assert [len(page.get("history", [])) for page in pages] == [3, 0, 3, 1]
    deleted = records(gmail_client, start, historyTypes=["messageDeleted"])
    assert [list(record.keys() - {"id", "messages"}) for record in deleted] == [["messagesDeleted"]]
    starred = records(gmail_client, start, labelId="STARRED")
    assert [record["messages"][0]["id"] for record in starred] == [ids[0]]


def test_a_walk_ends_where_it_began_and_only_the_first_marker_loses_nothing(
    gmail: FakeGmail, gmail_client: GmailClient
) -> None:
    start = gmail.mailbox.history_id
    for _ in range(4):
        gmail.mailbox.add(MAIL)
    late: list[str] = []
    gmail.paging.between_pages = lambda _method, _page: late.append(gmail.mailbox.add(MAIL))
    pages = list(history_pages(gmail_client, start, maxResults=2))
    gmail.paging.between_pages = None
    known: dict[str, set[str]] = {}
    apply([record for page in pages for record in page["history"]], known)
    assert late
    assert not set(late) & known.keys()
    assert records(gmail_client, pages[-1]["historyId"]) == []  # the trap: what came late is in neither
    apply(records(gmail_client, pages[0]["historyId"]), known)
    assert known.keys() == gmail.mailbox.truth().keys()


@pytest.mark.parametrize(("start", "status"), [("0", 400), ("1", 404), ("9999999999999999999", 404)])
def test_starts_that_were_never_told_are_refused(
    gmail: FakeGmail, gmail_client: GmailClient, start: str, status: int
) -> None:
    with pytest.raises(HttpError) as refused:
        records(gmail_client, start)
    assert refused.value.resp.status == status


def test_after_expiry_the_old_marker_is_too_old_and_a_fresh_one_is_not(
    gmail: FakeGmail, gmail_client: GmailClient
) -> None:
    gmail.mailbox.add(MAIL)
    marker = gmail.mailbox.history_id
    gmail.mailbox.expire_history()
    with pytest.raises(HttpError, match="Requested entity was not found") as refused:
        records(gmail_client, marker)
    assert refused.value.resp.status == 404
    fresh = gmail_client.users().getProfile(userId="me").execute()["historyId"]
    gmail.mailbox.add(MAIL)
    assert len(records(gmail_client, fresh)) == 1


def test_an_idle_poll_costs_two_units_and_brings_nothing(gmail: FakeGmail, gmail_client: GmailClient) -> None:
    (page,) = history_pages(gmail_client, gmail.mailbox.history_id)
    assert page == {"historyId": str(gmail.mailbox.history_id)}
    assert gmail.quota.units() == 2
