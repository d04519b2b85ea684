"""UidSet behaves as a set of numbers, whatever the order and overlap of what it is built from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.imap.uid_set import EMPTY, MAX_UID, UidSet

UIDS = st.integers(1, 60)
SETS = st.frozensets(UIDS)


@given(st.lists(UIDS))
def test_holds_what_it_was_built_from_in_ascending_order(uids: list[int]) -> None:
    built = UidSet.of(uids)
    assert list(built) == sorted(set(uids))
    assert len(built) == len(set(uids))
    assert all(right[0] > left[1] + 1 for left, right in zip(built.ranges, built.ranges[1:], strict=False))


@given(st.lists(st.tuples(UIDS, UIDS).map(lambda ends: (min(ends), max(ends)))))
def test_overlapping_ranges_are_merged(ranges: list[tuple[int, int]]) -> None:
    assert set(UidSet.of_ranges(ranges)) == {uid for first, last in ranges for uid in range(first, last + 1)}


@given(SETS, SETS)
def test_set_arithmetic_agrees_with_pythons(left: frozenset[int], right: frozenset[int]) -> None:
    ours, theirs = UidSet.of(left), UidSet.of(right)
    assert ours | theirs == UidSet.of(left | right)
    assert ours & theirs == UidSet.of(left & right)
    assert ours - theirs == UidSet.of(left - right)


@given(SETS, st.integers(0, 62))
def test_contains_and_within_agree_with_pythons(uids: frozenset[int], number: int) -> None:
    assert (number in UidSet.of(uids)) == (number in uids)
    assert list(UidSet.of(uids).within(number)) == sorted(uid for uid in uids if uid >= number)


@given(SETS.filter(bool))
def test_what_is_written_is_read_back(uids: frozenset[int]) -> None:
    assert UidSet.parse(UidSet.of(uids).encode()) == UidSet.of(uids)
    assert (UidSet.of(uids).first, UidSet.of(uids).last) == (min(uids), max(uids))


@given(SETS, st.integers(5, 40))
def test_pieces_are_short_and_together_the_whole(uids: frozenset[int], max_bytes: int) -> None:
    pieces = list(UidSet.of(uids).split(max_bytes))
    assert [uid for piece in pieces for uid in piece] == sorted(uids)
    assert all(len(piece.encode()) <= max_bytes for piece in pieces)


def test_a_huge_range_costs_nothing() -> None:
    everything = UidSet.parse(b"4294967295:1")
    assert len(everything) == MAX_UID
    assert list(everything & UidSet.of([7])) == [7]
    assert (everything - everything) == EMPTY
    assert not EMPTY


@pytest.mark.parametrize("text", [b"*", b"1:*", b"0", b"a", b"1,,2", b"1:2:3", b"99999999999", b"-1", b"4294967296"])
def test_what_is_no_set_of_uids_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):
        UidSet.parse(text)
