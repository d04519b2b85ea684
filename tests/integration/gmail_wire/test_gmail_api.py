"""Each call of the wire: what it asks, what it makes of the answer, and what it does when the answer is bad."""

import base64
import json
import os
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import REGISTRY

from src.common.errors import (
    GmailRefusedError,
    GmailRequestError,
    GmailThrottledError,
    GmailUnavailableError,
    IngestError,
    InsecureConnectionError,
    MailTooLargeError,
    ScopeMissingError,
    SignInNeededError,
)
from src.sync import bounded_answer
from src.sync.gmail_api import check_endpoint
from src.sync.gmail_values import (
    GoneMessage,
    HistoryPage,
    HistoryTooOld,
    Label,
    LabelChange,
    MessageFacts,
    MessageRef,
    Profile,
    RawMessage,
    Touched,
    Watch,
)
from tests.fakes.gmail_scripted_server import Answer, Asked, Script, message, refusal
from tests.integration.gmail_wire.conftest import MakeWire, StopError, Wire

pytestmark = pytest.mark.redis

ID = "18c0ffee00000001"
MAIL = b"Subject: caf\xe9\r\n\r\n\x00\xff body\r\n" * 100


def always(answer: Answer) -> Script:
    return lambda asked: answer


def one_after_another(*answers: Answer) -> Script:
    """Answer with each in turn, and with the last for ever."""
    waiting = list(answers)
    return lambda asked: waiting.pop(0) if len(waiting) > 1 else waiting[0]


def errors_counted(error_type: str) -> float:
    return REGISTRY.get_sample_value("gmail_sync_errors_total", {"error_type": error_type}) or 0.0


def test_profile(wire: MakeWire) -> None:
    w = wire(always(Answer({"emailAddress": "Reader@example.org", "historyId": "987", "messagesTotal": 12})))
    assert w.api.profile() == Profile("Reader@example.org", 987, 12)
    (asked,) = w.server.asked
    assert (asked.method, asked.path) == ("GET", "/profile")
    assert asked.one("fields") == "emailAddress,historyId,messagesTotal"
    assert asked.headers["authorization"] == "Bearer token-1"
    assert "gzip" in asked.headers["user-agent"]  # Google packs an answer only if both say so
    assert "gzip" in asked.headers["accept-encoding"]


def test_labels(wire: MakeWire) -> None:
    told = [{"id": "INBOX", "name": "INBOX", "type": "system"}, {"id": "Label_1", "name": "A/B", "type": "user"}]
    w = wire(always(Answer({"labels": told})))
    assert w.api.labels() == (Label("INBOX", "INBOX", True), Label("Label_1", "A/B", False))


def test_a_page_of_ids(wire: MakeWire) -> None:
    told = {"messages": [{"id": ID, "threadId": "18c0"}], "nextPageToken": "n2", "resultSizeEstimate": 201}
    w = wire(always(Answer(told)))
    page = w.api.list_ids(page="n1", query="newer_than:1d", label_ids=["INBOX", "Label_1"])
    assert page.messages == (MessageRef(ID, "18c0"),)
    assert (page.next_page, page.estimate) == ("n2", 201)
    query = w.server.asked[0].query
    assert query["labelIds"] == ["INBOX", "Label_1"]
    assert {name: values[0] for name, values in query.items()} | {"labelIds": ""} == {
        "q": "newer_than:1d",
        "pageToken": "n1",
        "maxResults": "500",
        "includeSpamTrash": "true",
        "labelIds": "",
        "fields": "messages(id,threadId),nextPageToken,resultSizeEstimate",
        "alt": "json",
    }


def test_an_empty_page_may_have_a_next_one_and_an_empty_mailbox_is_told_from_an_empty_answer(wire: MakeWire) -> None:
    w = wire(one_after_another(Answer({"nextPageToken": "n"}), Answer({"resultSizeEstimate": 0}), Answer({})))
    assert w.api.list_ids().next_page == "n"
    last = w.api.list_ids()
    assert (last.messages, last.next_page) == ((), None)
    with pytest.raises(GmailUnavailableError):
        w.api.list_ids()


def test_a_page_of_history(wire: MakeWire) -> None:
    mail = {"id": ID, "threadId": "18c0", "labelIds": ["INBOX", "UNREAD"]}
    bare = {"id": ID, "threadId": "18c0"}
    told = {
        "history": [
            {"id": "100", "messages": [bare], "messagesAdded": [{"message": mail}]},
            {"id": "105", "labelsAdded": [{"message": mail, "labelIds": ["UNREAD"]}]},
            {"id": "106", "labelsRemoved": [{"message": bare, "labelIds": ["INBOX", "UNREAD"]}]},
            {"id": 18446744073709551615, "messagesDeleted": [{"message": bare}]},
        ],
        "historyId": "107",
        "nextPageToken": "h2",
    }
    w = wire(always(Answer(told)))
    page = w.api.history(99, page="h1")
    assert isinstance(page, HistoryPage)
    assert (page.history_id, page.next_page) == (107, "h2")
    touched, untold = Touched(ID, "18c0", ("INBOX", "UNREAD")), Touched(ID, "18c0", None)
    added, labelled, unlabelled, deleted = page.records
    assert (added.id, added.added) == (100, (touched,))
    assert labelled.labels_added == (LabelChange(touched, ("UNREAD",)),)
    assert unlabelled.labels_removed == (LabelChange(untold, ("INBOX", "UNREAD")),)  # absent is not empty
    assert (deleted.id, deleted.deleted) == (2**64 - 1, (untold,))
    assert w.server.asked[0].one("startHistoryId") == "99"
    assert w.server.asked[0].one("pageToken") == "h1"


def test_history_that_is_too_old_is_a_value(wire: MakeWire) -> None:
    before = errors_counted("request")
    assert wire(always(refusal(404, "notFound"))).api.history(1) == HistoryTooOld()
    assert errors_counted("request") == before


@pytest.mark.parametrize(
    "answer",
    [
        Answer(message(ID, MAIL)),
        Answer(message(ID, MAIL), is_chunked=True),
        Answer(message(ID, MAIL), headers={"content-encoding": "gzip"}),
        Answer(message(ID, MAIL), headers={"content-encoding": "gzip"}, is_chunked=True),
        Answer(message(ID, MAIL), closes=True),
        Answer(message(ID, MAIL) | {"raw": base64.urlsafe_b64encode(MAIL).decode().rstrip("=")}),
    ],
    ids=["plain", "chunked", "gzip", "gzip chunked", "closing", "no padding"],
)
def test_a_raw_mail_byte_by_byte(wire: MakeWire, answer: Answer) -> None:
    w = wire(always(answer))
    facts = MessageFacts(
        ID, ID, 1234567, ("INBOX", "Label_1"), datetime(2026, 1, 1, tzinfo=UTC), message(ID, MAIL)["sizeEstimate"]
    )
    for _ in range(2):
        assert w.api.get_raw(ID) == RawMessage(facts, MAIL)
    assert w.server.asked[0].path == f"/messages/{ID}"
    assert w.server.asked[0].one("format") == "raw"
    assert w.server.asked[0].one("fields") == "id,threadId,historyId,labelIds,internalDate,sizeEstimate,raw"
    assert (len({asked.port for asked in w.server.asked}) == 1) is not answer.closes  # the connection is kept


def test_a_mail_that_is_gone_is_a_value_and_keeps_the_connection(wire: MakeWire) -> None:
    w = wire(one_after_another(refusal(404, "notFound"), Answer(message(ID))))
    assert w.api.get_raw(ID) == GoneMessage(ID)
    facts = w.api.get_minimal(ID)
    assert isinstance(facts, MessageFacts)
    assert w.server.asked[1].one("format") == "minimal"
    assert len({asked.port for asked in w.server.asked}) == 1


def test_watch_and_stop(wire: MakeWire) -> None:
    w = wire(
        lambda asked: (
            Answer({"historyId": "5", "expiration": "1767830400000"})
            if asked.path == "/watch"
            else Answer(b"", status=204)
        )
    )
    assert w.api.watch("projects/p/topics/t", label_ids=["INBOX"]) == Watch(5, datetime(2026, 1, 8, tzinfo=UTC))
    w.api.stop()
    watched, stopped = w.server.asked
    assert json.loads(watched.body) == {
        "topicName": "projects/p/topics/t",
        "labelIds": ["INBOX"],
        "labelFilterBehavior": "include",
    }
    assert (stopped.method, stopped.path) == ("POST", "/stop")


GOOD = Answer(message(ID, MAIL))


@pytest.mark.parametrize(
    ("bad", "error_type"),
    [
        (refusal(500, "backendError"), "server"),
        (Answer(b"<html>", 502), "server"),
        (refusal(503, "backendError", Retry_After="1"), "server"),
        (refusal(400, "failedPrecondition"), "precondition"),
        (Answer(message(ID, MAIL), cut_after_bytes=1000), "network"),  # IncompleteRead
        (Answer(message(ID, MAIL), cut_after_bytes=1000, is_chunked=True), "network"),
        (Answer(message(ID, MAIL), cut_after_bytes=50, headers={"content-encoding": "gzip"}), "network"),
        (Answer(b"not even the first byte", cut_after_bytes=0), "network"),
        (Answer(b'{"id": "18c'), "answer"),  # broken JSON with 200
        (Answer(b"[]"), "answer"),
        (Answer(b"\xff\xfe"), "answer"),
        (Answer({}), "answer"),
        (Answer({**message(ID), "raw": "not base64!"}), "answer"),
        (Answer({**message(ID, MAIL), "historyId": "0"}), "answer"),
        (Answer({**message(ID, MAIL), "labelIds": "INBOX"}), "answer"),
        (Answer(b"not gzip", headers={"Content-Encoding": "gzip"}), "answer"),
        (Answer(b"", 302, {"Location": "http://portal.example.org/"}), "answer"),
    ],
)
def test_a_passing_failure_is_tried_again(wire: MakeWire, bad: Answer, error_type: str) -> None:
    w = wire(one_after_another(bad, bad, GOOD))
    before = errors_counted(error_type)
    found = w.api.get_raw(ID)
    assert isinstance(found, RawMessage)
    assert found.raw == MAIL
    assert errors_counted(error_type) == before + 2
    assert len(w.server.asked) == 3


def test_a_failure_that_does_not_pass_is_raised_after_four_tries(wire: MakeWire) -> None:
    w = wire(always(refusal(500, "backendError")))
    with pytest.raises(GmailUnavailableError, match="500 backendError") as caught:
        w.api.get_raw(ID)
    assert len(w.server.asked) == 4
    assert caught.value.__cause__ is None  # the library's text holds the address asked for
    assert caught.value.__context__ is None


def test_silence_ends_by_the_time_out(wire: MakeWire) -> None:
    w = wire(always(Answer(delay_s=0.6)), timeout_s=0.1)
    with pytest.raises(GmailUnavailableError, match="timed out"):
        w.api.profile()


def test_an_answer_that_trickles_ends_too(wire: MakeWire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_answer, "READ_DEADLINE_S", 0.2)
    w = wire(always(Answer(b" " * 100_000, trickle_s=0.02)), timeout_s=1.0)
    with pytest.raises(GmailUnavailableError, match="timed out"):
        w.api.profile()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(403, "insufficientPermissions"), ScopeMissingError),
        (refusal(403, "domainPolicy"), GmailRefusedError),
        (refusal(400, "invalidArgument"), GmailRequestError),
        (refusal(401, "authError"), SignInNeededError),
    ],
)
def test_a_lasting_failure_is_raised_at_once(wire: MakeWire, answer: Answer, kind: type[IngestError]) -> None:
    w = wire(always(answer))
    with pytest.raises(kind):
        w.api.list_ids()
    assert len(w.server.asked) == (2 if kind is SignInNeededError else 1)


def test_a_refused_token_is_refreshed_once(wire: MakeWire) -> None:
    w = wire(one_after_another(refusal(401, "authError"), GOOD))
    assert isinstance(w.api.get_raw(ID), RawMessage)
    assert w.tokens.refused == ["token-1"]
    assert [asked.headers["authorization"] for asked in w.server.asked] == ["Bearer token-1", "Bearer token-2"]


def test_throttling_pauses_the_account_and_is_tried_again(wire: MakeWire) -> None:
    w = wire(one_after_another(refusal(429, "rateLimitExceeded", Retry_After="1"), GOOD))
    assert isinstance(w.api.get_raw(ID), RawMessage)
    first, second = w.server.asked
    assert second.at_s - first.at_s >= 1.0


def test_throttling_for_long_is_an_error_of_the_account(wire: MakeWire) -> None:
    w = wire(always(refusal(403, "userRateLimitExceeded", message="Retry after 2999-01-01T00:00:00Z")))
    with pytest.raises(GmailThrottledError):
        w.api.get_raw(ID)
    with pytest.raises(GmailThrottledError):
        w.api.profile()
    assert len(w.server.asked) == 1


def test_a_stop_ends_a_call(wire: MakeWire) -> None:
    w: Wire

    def script(asked: Asked) -> Answer:
        w.stop.set()
        return refusal(503, "backendError")

    w = wire(script)
    with pytest.raises(StopError):
        w.api.profile()
    assert len(w.server.asked) == 1


def test_an_answer_has_a_size_it_may_not_pass(wire: MakeWire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.sync.gmail_api.MAX_RAW_ANSWER_BYTES", 100_000)
    monkeypatch.setattr("src.sync.gmail_api.MAX_ANSWER_BYTES", 100_000)
    bomb: dict[str, Any] = {"content-encoding": "gzip"}  # 200 KB packed in 300 bytes
    w = wire(always(Answer(message(ID, b"\0" * 200_000), headers=bomb)))
    with pytest.raises(MailTooLargeError):
        w.api.get_raw(ID)
    with pytest.raises(GmailUnavailableError, match="larger"):
        w.api.profile()


@pytest.mark.parametrize("is_chunked", [False, True])
def test_what_is_left_of_an_answer_that_is_too_large_is_not_read_as_the_next_one(
    wire: MakeWire, monkeypatch: pytest.MonkeyPatch, is_chunked: bool
) -> None:
    monkeypatch.setattr("src.sync.gmail_api.MAX_RAW_ANSWER_BYTES", 100_000)
    w = wire(one_after_another(Answer(message(ID, bytes(200_000)), is_chunked=is_chunked), GOOD))
    with pytest.raises(MailTooLargeError):
        w.api.get_raw(ID)
    before = errors_counted("network")
    found = w.api.get_raw(ID)
    assert isinstance(found, RawMessage)
    assert found.raw == MAIL
    assert len(w.server.asked) == 2  # the second one once
    assert len({asked.port for asked in w.server.asked}) == 2
    assert errors_counted("network") == before


def test_a_connection_on_which_a_stop_came_in_mid_answer_is_not_used_again(
    wire: MakeWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_answer, "SMALL_ANSWER_BYTES", 100_000)
    monkeypatch.setattr(bounded_answer, "WAIT_POLL_S", 0.01)
    w: Wire

    def script(asked: Asked) -> Answer:
        if len(w.server.asked) > 1:
            return GOOD
        w.stop.set()
        return Answer(message(ID, bytes(200_000)))

    w = wire(script)
    other = w.api._caller.reading(most_bytes=1_000_000, sleep=w._sleep)
    other.check(200_000)  # so that the answer waits in its midst
    with pytest.raises(StopError):
        w.api.get_raw(ID)
    other.done()
    w.stop.clear()
    assert isinstance(w.api.get_raw(ID), RawMessage)
    assert len(w.server.asked) == 2
    assert len({asked.port for asked in w.server.asked}) == 2


def test_a_mail_of_50_mb_passes(wire: MakeWire) -> None:
    big = os.urandom(1_000_000) * 50
    w = wire(always(Answer(message(ID, big))), timeout_s=20.0)
    found = w.api.get_raw(ID)
    assert isinstance(found, RawMessage)
    assert found.raw == big


@pytest.mark.parametrize("endpoint", ["", "https://proxy.example.org/", "http://127.0.0.1:8000/", "http://localhost/"])
def test_endpoints_that_keep_the_token_safe(endpoint: str) -> None:
    check_endpoint(endpoint)


@pytest.mark.parametrize(
    "endpoint", ["http://proxy.example.org/", "http://127.0.0.1.example.org/", "proxy", "ftp://x/"]
)
def test_endpoints_that_do_not(endpoint: str) -> None:
    with pytest.raises(InsecureConnectionError):
        check_endpoint(endpoint)
