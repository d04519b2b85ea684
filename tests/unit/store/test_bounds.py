"""The second fence: whatever comes, what goes to a database is clean and in range."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.common.errors import DatabaseRefusedError
from src.store.bounds import MAX_NUMBER, check_key, check_number, clean, cut, to_json

_any_text = st.text(st.characters() | st.sampled_from(["\0", "\udcff", "\ud800"]))
_any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _any_text,
    lambda inner: st.lists(inner) | st.dictionaries(_any_text, inner),
    max_leaves=8,
)


@given(_any_text)
def test_clean_text_can_be_written_anywhere(text: str) -> None:
    cleaned = clean(text)

    assert "\0" not in cleaned
    assert cleaned.encode().decode() == cleaned
    assert clean(cleaned) == cleaned


@given(_any_json)
def test_any_value_becomes_clean_json(value: object) -> None:
    text = to_json(value)

    assert "\\u0000" not in text.replace("\\\\", "")
    orjson.loads(text)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 40))
def test_a_cut_text_fits_and_is_a_beginning(text: str, limit: int) -> None:
    assert len(cut(text, limit).encode()) <= limit
    assert text.startswith(cut(text, limit))


@pytest.mark.parametrize("value", [-1, MAX_NUMBER + 1])
def test_numbers_out_of_range_are_refused(value: int) -> None:
    with pytest.raises(DatabaseRefusedError, match="UID"):
        check_number("UID", value)


def test_a_key_may_be_as_long_as_an_index_takes_and_no_longer() -> None:
    assert check_key("mailbox", "é" * 1_000) == "é" * 1_000
    with pytest.raises(DatabaseRefusedError, match="mailbox: expected at most 2000 bytes, found 2002"):
        check_key("mailbox", "é" * 1_001)
