"""tsvectors: what is in them, and that they keep PostgreSQL's limits whatever the text."""

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from src.store.content import SearchTexts
from src.store.tsvector import MAX_BYTES, MAX_POSITION, MAX_POSITIONS, MAX_WORD_BYTES, to_tsvector


def decode(data: bytes) -> dict[str, list[int]]:
    """Read the binary form as PostgreSQL does, with its checks."""
    (count,) = struct.unpack_from(">i", data)
    found: dict[str, list[int]] = {}
    at = 4
    for _ in range(count):
        end = data.index(0, at)
        word = data[at:end].decode()
        assert word not in found
        (number,) = struct.unpack_from(">H", data, end + 1)
        places = list(struct.unpack_from(f">{number}H", data, end + 3))
        order = [place & 0x3FFF for place in places]
        assert order == sorted(set(order)), "positions must rise"
        found[word], at = places, end + 3 + 2 * number
    assert at == len(data)
    return found


def test_columns_have_weights_and_a_gap_between_them() -> None:
    found = decode(to_tsvector(SearchTexts(b"One two", b"two", b"three one", b"")))

    places = {word: [(place >> 14, place & 0x3FFF) for place in places] for word, places in found.items()}
    assert places == {"one": [(3, 2), (1, 8)], "two": [(3, 3), (2, 5)], "three": [(1, 7)]}


def test_an_empty_mail_has_no_words() -> None:
    assert decode(to_tsvector(SearchTexts(b"", b" ", b"!", b""))) == {}


def test_limits_hold_for_a_huge_mail() -> None:
    body = b" ".join(b"%d" % (n % 60_000) + b"x" * 20 for n in range(90_000))
    data = to_tsvector(SearchTexts(b"w" * 5_000, b"", body, b"same " * 20_000))

    found = decode(data)
    assert max(len(word.encode()) for word in found) == MAX_WORD_BYTES
    assert max(len(places) for places in found.values()) <= MAX_POSITIONS
    assert max(place & 0x3FFF for places in found.values() for place in places) <= MAX_POSITION
    assert len(data) <= MAX_BYTES + 4


@settings(max_examples=50)
@given(st.lists(st.sampled_from([b"a", b"b", "é".encode(), "長".encode() * 200, b"-"]), max_size=400))
def test_any_words_make_a_tsvector_that_can_be_read(parts: list[bytes]) -> None:
    found = decode(to_tsvector(SearchTexts(b"", b"", b" ".join(parts), b"")))

    assert set(found) == {part[:MAX_WORD_BYTES].decode(errors="ignore") for part in parts} - {"-"}
