"""A push is read for whose mailbox changed, and for nothing else; it may hold anything."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.sync.push_data import MAX_DATA_BYTES, changed_account, hint_tag

ADDRESS = "Ada@example.org"


@given(st.one_of(st.integers(), st.text(), st.none(), st.floats(allow_nan=False, allow_infinity=False)))
def test_the_history_id_is_nothing_to_us(history_id: object) -> None:
    data = json.dumps({"emailAddress": ADDRESS, "historyId": history_id}).encode()
    assert changed_account(data) == hint_tag("ada@example.org")


def test_the_case_of_an_address_says_nothing() -> None:
    assert hint_tag(" ADA@Example.org") == hint_tag("ada@example.org")
    assert hint_tag("ada@example.org") != hint_tag("eve@example.org")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    assert changed_account(data) is None or b"emailAddress" in data


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("emailAddress") | st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(JSON)
def test_any_json_is_read_without_an_error(told: object) -> None:
    tag = changed_account(json.dumps(told).encode())
    assert tag is None or (isinstance(told, dict) and tag == hint_tag(told["emailAddress"]))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b'{"emailAddress": "nobody"}',  # no address
        b'{"emailAddress": 5}',
        b'{"emailAddress": "a@' + b"x" * 400 + b'"}',
        b'{"emailAddress": "a@example.org", "more": "' + b"x" * MAX_DATA_BYTES + b'"}',
        b"[" * 4000,  # deep
    ],
)
def test_what_gmail_never_sends_is_of_no_account(data: bytes) -> None:
    assert changed_account(data) is None
