"""Values are read as they were written, and what is malformed is an error and never a wrong value."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.common.errors import SourceUnavailableError
from src.imap.response import Oversize
from src.imap.values import Value, parse_values

ATOMS = st.from_regex(rb"[A-Za-z0-9$\\.+:/_-]{1,8}", fullmatch=True).filter(lambda word: word.upper() != b"NIL")
STRINGS = st.binary(max_size=12).map(lambda text: text.replace(b"\r", b"").replace(b"\n", b""))
TREES = st.recursive(
    st.one_of(
        st.none(), ATOMS.map(lambda word: ("atom", word)), STRINGS.map(lambda text: ("quoted", text)),
        st.binary(max_size=12).map(lambda text: ("literal", text)),
    ),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def _write(tree: Any, parts: list[Any]) -> Value:
    """Append a tree to the parts of a response, and return the value that should be read."""
    if tree is None:
        parts[-1] += b" NIL "
        return None
    if isinstance(tree, list):
        parts[-1] += b" ("
        values = [_write(each, parts) for each in tree]
        parts[-1] += b") "
        return values
    kind, content = tree
    if kind == "atom":
        parts[-1] += b" " + content + b" "
    elif kind == "quoted":
        parts[-1] += b' "' + content.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'" '
    else:
        parts.extend([content, b""])
    return bytes(content)


@given(st.lists(TREES, max_size=4))
def test_what_is_written_is_read(trees: list[Any]) -> None:
    parts: list[Any] = [b""]
    expected = [_write(tree, parts) for tree in trees]
    assert parse_values(parts) == expected


def test_item_names_keep_their_brackets() -> None:
    text = b'(UID 5 BODY[HEADER.FIELDS (MESSAGE-ID)] "x" BODY[]<0> NIL body[text] "y")'
    (values,) = parse_values([text])
    assert isinstance(values, list)
    assert values[::2] == [b"UID", b"BODY[HEADER.FIELDS (MESSAGE-ID)]", b"BODY[]<0>", b"body[text]"]


def test_gmail_labels_with_brackets_and_backslashes() -> None:
    assert parse_values([rb'("\\Inbox" "a (b" [Gmail]/x \Sent)']) == [[rb"\Inbox", b"a (b", b"[Gmail]/x", rb"\Sent"]]


def test_an_oversize_literal_stands_for_itself() -> None:
    assert parse_values([b"(BODY[] ", Oversize(9), b")"]) == [[b"BODY[]", Oversize(9)]]


def test_deep_nesting_costs_no_stack() -> None:
    deep = parse_values([b"(" * 100_000 + b")" * 100_000])
    assert len(deep) == 1


@pytest.mark.parametrize("text", [b"(", b")", b'"abc', b"(a b", b"a) b", b'("a" "b'])
def test_what_is_malformed_is_refused(text: bytes) -> None:
    with pytest.raises(SourceUnavailableError):
        parse_values([text])


@given(st.binary(max_size=60))
def test_any_bytes_give_values_or_our_error(text: bytes) -> None:
    try:
        parse_values([text])
    except SourceUnavailableError:
        pass
