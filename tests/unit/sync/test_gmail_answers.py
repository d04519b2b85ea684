"""Whatever JSON comes, a value comes of it or an error: never a guess, never another exception."""

import base64
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from src.common.errors import GmailUnavailableError
from src.sync import gmail_answers as answers
from tests.fakes.gmail_scripted_server import message

READERS: list[Callable[[dict[str, Any]], object]] = [
    answers.profile,
    answers.labels,
    answers.id_page,
    answers.history_page,
    answers.message_facts,
    answers.raw_message,
    answers.watch,
]
NAMES = [
    "id", "threadId", "historyId", "labelIds", "internalDate", "sizeEstimate", "raw", "messages", "nextPageToken",
    "resultSizeEstimate", "history", "messagesAdded", "messagesDeleted", "labelsAdded", "labelsRemoved", "message",
    "labels", "name", "type", "emailAddress", "messagesTotal", "expiration",
]  # fmt: skip
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["18c0ffee00000001", "1", "0", "1767225600000", "99999999999999999999", "QUJD", "x@example.org"]),
)
objects = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=25,
)


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
@settings(max_examples=40)
@given(told=st.dictionaries(st.sampled_from(NAMES), objects, max_size=8))
def test_any_object_is_read_or_refused(read: Callable[[dict[str, Any]], object], told: dict[str, Any]) -> None:
    with contextlib.suppress(GmailUnavailableError):
        read(told)


@given(raw=st.binary(max_size=2000), is_padded=st.booleans())
def test_the_bytes_of_a_mail_come_back(raw: bytes, is_padded: bool) -> None:
    told = message("18c0ffee00000001", raw)
    if not is_padded:
        told["raw"] = told["raw"].rstrip("=")
    assert answers.raw_message(told).raw == raw


@given(text=st.text(max_size=40))
@example(text="0/")
@example(text="0+==")
def test_what_is_no_base64url_is_no_mail(text: str) -> None:
    told = {**message("18c0ffee00000001"), "raw": text}
    try:
        if set(text) & {"+", "/"}:  # which the standard library takes as well
            raise ValueError
        expected = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        with pytest.raises(GmailUnavailableError):
            answers.raw_message(told)
    else:
        assert answers.raw_message(told).raw == expected


@given(number=st.integers(1, 2**64 - 1), is_text=st.booleans())
def test_a_history_id_has_64_bits_as_text_or_number(number: int, is_text: bool) -> None:
    told = {"historyId": str(number) if is_text else number, "expiration": "1000"}
    assert answers.watch(told).history_id == number
    assert answers.watch(told).expires_at == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize("value", ["0", 0, -1, "-1", 2**64, "1.5", 1.5, True, None, "", "٣", [], {}])
def test_what_is_no_history_id(value: object) -> None:
    with pytest.raises(GmailUnavailableError):
        answers.history_page({"historyId": value})


def test_no_content_is_quoted_in_an_error() -> None:
    with pytest.raises(GmailUnavailableError) as caught:
        answers.message_facts({**message("18c0ffee00000001"), "id": "Dear Ada, ..."})
    assert "Ada" not in str(caught.value)


def test_labels_of_a_history_that_are_not_told_are_not_none() -> None:
    record = {"id": "9", "messagesAdded": [{"message": {"id": "a", "threadId": "b"}}]}
    (page_record,) = answers.history_page({"historyId": "9", "history": [record]}).records
    assert page_record.added[0].label_ids is None
    record["messagesAdded"] = [{"message": {"id": "a", "threadId": "b", "labelIds": []}}]
    (page_record,) = answers.history_page({"historyId": "9", "history": [record]}).records
    assert page_record.added[0].label_ids == ()
