"""Raw mail comes back byte for byte, whatever it looks like, and slices are bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.common.errors import RawMissingError
from src.stream.raw_codec import COMPRESS_FROM_BYTES, SLICE_BYTES, codec, resliced, slices_of


@given(st.binary(max_size=300), st.integers(0, 60))
def test_what_is_packed_comes_back(piece: bytes, times: int) -> None:
    raw = piece * times
    assert codec().unpack(codec().pack(raw)) == raw


def test_long_mails_are_compressed_and_short_ones_are_not() -> None:
    assert len(codec().pack(b"word " * COMPRESS_FROM_BYTES)) < COMPRESS_FROM_BYTES
    assert codec().pack(b"word") == b"\x00word"


def test_a_mail_that_looks_compressed_is_not_mistaken() -> None:
    looks = codec().pack(b"word " * 5000)[1:]
    assert codec().unpack(codec().pack(looks)) == looks


@pytest.mark.parametrize("stored", [b"", b"\x02abc", b"\x01abc", b"\x01" + b"\x28\xb5\x2f\xfd"])
def test_what_we_did_not_pack_is_refused(stored: bytes) -> None:
    with pytest.raises(RawMissingError):
        codec().unpack(stored)


@given(st.lists(st.integers(0, 3 * SLICE_BYTES), max_size=6))
def test_pieces_of_any_size_become_bounded_slices(sizes: list[int]) -> None:
    block = bytes(range(256)) * (3 * SLICE_BYTES // 256)
    slices = [bytes(piece) for piece in resliced(iter([block[:size] for size in sizes]))]
    assert b"".join(slices) == b"".join(block[:size] for size in sizes)
    assert all(0 < len(piece) <= SLICE_BYTES for piece in slices if sum(sizes))


def test_slices_of_a_whole_mail_are_not_copies() -> None:
    raw = b"x" * (SLICE_BYTES + 1)
    assert [len(view) for view in slices_of(raw)] == [SLICE_BYTES, 1]


@given(
    st.lists(st.binary(max_size=40) | st.binary(min_size=1, max_size=40).map(lambda seed: seed * COMPRESS_FROM_BYTES))
)
def test_many_are_packed_as_one_by_one(raws: list[bytes]) -> None:
    packed = codec().pack_many(raws)
    assert [codec().unpack(each) for each in packed] == raws
    assert [each[:1] for each in packed] == [codec().pack(raw)[:1] for raw in raws]
