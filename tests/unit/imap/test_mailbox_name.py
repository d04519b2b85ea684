"""Mailbox names survive the way to the wire and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.imap.mailbox_name import decode_name, encode_name

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=30)


@given(NAMES, st.booleans())
def test_a_name_comes_back_as_it_went(name: str, utf8: bool) -> None:
    wire = encode_name(name, utf8=utf8)
    assert wire[:1] == wire[-1:] == b'"'
    plain = wire[1:-1].replace(b'\\"', b'"').replace(b"\\\\", b"\\")
    assert decode_name(plain, utf8=utf8) == name


@pytest.mark.parametrize(
    ("wire", "name"),
    [
        (b"Entw&APw-rfe", "Entwürfe"),
        (b"[Gmail]/All Mail", "[Gmail]/All Mail"),
        (b"R&D", "R&D"),  # not encoded as it should be: taken as it is
        ("Entwürfe".encode(), "Entwürfe"),  # UTF-8 without being asked
        (b"\xff", "�"),
    ],
)
def test_what_is_not_encoded_is_taken_as_utf8(wire: bytes, name: str) -> None:
    assert decode_name(wire, utf8=False) == name


@pytest.mark.parametrize("name", ["a\rb", "a\nb", "a\0b"])
def test_a_name_cannot_smuggle_a_command(name: str) -> None:
    with pytest.raises(ValueError):
        encode_name(name, utf8=False)
