"""The checks against Google's discovery document, and partial answers, catch what they shall."""

from typing import Any

import pytest

from tests.fakes.gmail import fields
from tests.fakes.gmail.discovery import Method, methods
from tests.fakes.gmail.errors import ApiError
from tests.fakes.gmail.schema import mistakes

HISTORY: dict[str, Any] = {
    "history": [
        {"id": "7", "labelsAdded": [{"message": {"id": "a", "threadId": "b", "labelIds": ["X"]}, "labelIds": ["X"]}]}
    ],
    "historyId": "18446744073709551615",
}


@pytest.fixture(scope="module")
def by_id() -> dict[str, Method]:
    ids = ("gmail.users.messages.get", "gmail.users.history.list", "gmail.users.messages.list")
    return {method.id: method for method in methods("gmail.v1", ids)}


@pytest.mark.parametrize(
    ("method_id", "answer", "wrong_at"),
    [
        ("gmail.users.history.list", HISTORY, None),
        ("gmail.users.history.list", {}, None),
        ("gmail.users.history.list", {"historyId": 7}, "answer.historyId"),  # 64-bit numbers are texts
        ("gmail.users.history.list", {"historyId": "18446744073709551616"}, "answer.historyId"),
        ("gmail.users.history.list", {"history": {}}, "answer.history"),
        ("gmail.users.history.list", {"history": [{"id": "7", "added": []}]}, "answer.history[0].added"),
        ("gmail.users.messages.get", {"raw": "-_8="}, None),
        ("gmail.users.messages.get", {"raw": "+/8="}, "answer.raw"),  # not the alphabet for addresses
        ("gmail.users.messages.get", {"sizeEstimate": 2**31}, "answer.sizeEstimate"),
        ("gmail.users.messages.get", {"labelIds": [1]}, "answer.labelIds[0]"),
        ("gmail.users.messages.list", {"resultSizeEstimate": -1}, "answer.resultSizeEstimate"),
        ("gmail.users.messages.list", [], "answer"),
    ],
)
def test_schema(by_id: dict[str, Method], method_id: str, answer: object, wrong_at: str | None) -> None:
    method = by_id[method_id]
    assert method.response is not None
    found = list(mistakes(answer, method.response, method.schemas))
    assert [mistake.split(":")[0] for mistake in found] == ([wrong_at] if wrong_at else [])


@pytest.mark.parametrize(
    ("selection", "trimmed"),
    [
        ("historyId", {"historyId": "18446744073709551615"}),
        ("history/id", {"history": [{"id": "7"}]}),
        ("history(id,labelsAdded/message(id))", {"history": [{"id": "7", "labelsAdded": [{"message": {"id": "a"}}]}]}),
        ("history/labelsAdded/labelIds,nextPageToken", {"history": [{"labelsAdded": [{"labelIds": ["X"]}]}]}),
        ("*", HISTORY),
    ],
)
def test_fields_pick(by_id: dict[str, Method], selection: str, trimmed: object) -> None:
    method = by_id["gmail.users.history.list"]
    assert method.response is not None
    tree = fields.parse(selection)
    fields.check(tree, method.response, method.schemas)
    assert fields.trim(HISTORY, tree) == trimmed


@pytest.mark.parametrize(
    "selection", ["", ",", "history(", "history(id", "history)id", "history id", "nope", "history/nope"]
)
def test_bad_fields_are_refused(by_id: dict[str, Method], selection: str) -> None:
    method = by_id["gmail.users.history.list"]
    assert method.response is not None
    with pytest.raises(ApiError, match="Invalid field selection"):
        fields.check(fields.parse(selection), method.response, method.schemas)


@pytest.mark.parametrize(
    "query",
    [
        {"maxResults": ["many"]},
        {"startHistoryId": ["-1"]},
        {"historyTypes": ["messageMoved"]},
        {"includeSpamTrash": ["true"]},  # of messages.list
    ],
)
def test_parameters_the_api_does_not_know_are_refused(by_id: dict[str, Method], query: dict[str, list[str]]) -> None:
    with pytest.raises(ApiError):
        by_id["gmail.users.history.list"].check(query)
