"""The request that is built once for all ids is the one that the client would have built for each."""

import httplib2
import pytest
from googleapiclient.discovery import build
from hypothesis import given
from hypothesis import strategies as st

from src.auth.api_credentials import ApiCredentials
from src.sync.gmail_answers import FACTS_FIELDS, HISTORY_FIELDS, LABEL_FIELDS, LIST_FIELDS, PROFILE_FIELDS, RAW_FIELDS
from src.sync.gmail_caller import RequestPattern

SERVICE = build("gmail", "v1", http=httplib2.Http(), static_discovery=True)
MESSAGES = SERVICE.users().messages()
PATTERN = RequestPattern(lambda one: MESSAGES.get(userId="me", id=one, format="raw", fields=RAW_FIELDS))


@given(message_id=st.text(min_size=1, max_size=30))
def test_a_request_from_the_pattern_is_the_clients_own(message_id: str) -> None:
    ours = PATTERN.for_id(message_id)
    theirs = MESSAGES.get(userId="me", id=message_id, format="raw", fields=RAW_FIELDS)
    assert (ours.uri, ours.method, ours.headers, ours.body) == (theirs.uri, theirs.method, theirs.headers, theirs.body)


@pytest.mark.parametrize(
    ("schema", "fields"),
    [
        ("Profile", PROFILE_FIELDS),
        ("ListLabelsResponse", LABEL_FIELDS),
        ("ListMessagesResponse", LIST_FIELDS),
        ("ListHistoryResponse", HISTORY_FIELDS),
        ("Message", FACTS_FIELDS),
        ("Message", RAW_FIELDS),
    ],
)
def test_every_field_asked_for_is_in_the_apis_own_schema(schema: str, fields: str) -> None:
    assert _unknown(schema, fields) == []


def _unknown(schema: str, fields: str) -> list[str]:
    properties = SERVICE._rootDesc["schemas"][schema]["properties"]
    unknown = []
    for name, inner in _split(fields):
        if name not in properties:
            unknown.append(f"{schema}.{name}")
        elif inner:
            told = properties[name]
            unknown += _unknown(told.get("$ref") or told["items"]["$ref"], inner)
    return unknown


def _split(fields: str) -> list[tuple[str, str]]:
    """Split "a,b(c,d)" into names and what is in their brackets."""
    found, name, inner, depth = [], "", "", 0
    for char in fields + ",":
        if char == "," and not depth:
            found.append((name, inner))
            name = inner = ""
            continue
        depth -= char == ")"
        if depth:
            inner += char
        elif char not in "()":
            name += char
        depth += char == "("
    return found


def test_a_thread_has_the_token_replaced_that_it_used_itself() -> None:
    given_tokens = iter(["old", "new", "newer"])
    tokens_refused: list[str] = []

    def source(refused: str = "") -> str:
        tokens_refused.append(refused)
        return next(given_tokens)

    credentials = ApiCredentials(source)
    headers: dict[str, str] = {}
    credentials.before_request(None, "GET", "https://example.org", headers)
    credentials.refresh(None)
    assert headers == {"authorization": "Bearer old"}
    assert tokens_refused == ["", "old"]
