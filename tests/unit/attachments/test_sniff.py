"""Magic bytes are told by one expression: it says what the table says, line by line, for any bytes and in its order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.attachments.sniff import _MAGIC, _SPELT, OCTETS, media_type_of

BYTES = st.binary(max_size=300)
WITHOUT_MAGIC = (OCTETS, "text/plain", "text/html", "text/calendar", "text/vcard", "image/bmp")


@st.composite
def heads_with_magic(draw: st.DrawFn) -> bytes:
    """Return bytes in which some lines of the table are written over each other at their places, perhaps cut short."""
    head = bytearray(draw(BYTES))
    for offset, magic, _ in draw(st.lists(st.sampled_from(_MAGIC), max_size=4)):
        head.extend(draw(st.sampled_from([b"\0", b"x"])) * (offset + len(magic) - len(head)))
        head[offset : offset + len(magic)] = magic
    return bytes(head[: draw(st.integers(0, len(head)))] if draw(st.booleans()) else head)


def line_by_line(head: bytes) -> str:
    """Return what the first line of the table that fits says; empty if none does."""
    for offset, magic, media_type in _MAGIC:
        if head.startswith(magic, offset) and (b"\0" in head or not _SPELT.fullmatch(magic)):
            return media_type
    return ""


@given(st.one_of(BYTES, heads_with_magic()))
def test_magic_is_told_as_the_table_tells_it(head: bytes) -> None:
    expected = line_by_line(head)
    told = media_type_of(head, "", "")
    assert told == expected if expected else told in WITHOUT_MAGIC


@pytest.mark.parametrize(("offset", "magic", "media_type"), _MAGIC)
def test_each_line_of_the_table_is_reached(offset: int, magic: bytes, media_type: str) -> None:
    assert media_type_of(bytes(offset) + magic + bytes(9), "", "") == media_type


@pytest.mark.parametrize("words", [b"MZ;Name\n", b"ID3 tags explained\n", b"GIF8 is a start\n", b"0123ftypical\n"])
def test_a_text_that_begins_with_letters_of_a_magic_stays_a_text(words: bytes) -> None:
    assert media_type_of(words, "", "") == "text/plain"


@pytest.mark.parametrize(
    ("filename", "media_type"),
    [
        ("list.CSV", "text/csv"),
        ("archive.tar.md", "text/markdown"),
        ("csv", "text/plain"),  # no suffix
        (".csv", "text/plain"),  # a hidden file without one
        ("", "text/plain"),
    ],
)
def test_a_text_is_told_by_the_suffix_of_its_name(filename: str, media_type: str) -> None:
    assert media_type_of(b"some words\n", OCTETS, filename) == media_type
