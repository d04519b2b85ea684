"""Compound files: what was written is read, and nothing that is damaged costs more than the file is long."""

import io
import struct
import time
from collections.abc import Iterator
from contextlib import suppress

import olefile
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.attachments.compound_file import CompoundFile, Entry
from src.attachments.extractor import Budget, Content, NotExtractedError
from src.attachments.limits import MB, Limits
from tests.fixtures.compound_files import Storage, compound

NAMES = st.text("abcdefghijklmnopqrstuvwxyzäλ", min_size=1, max_size=31)
STREAMS = st.one_of(
    st.binary(max_size=300), st.integers(4000, 9000).map(lambda size: bytes(range(251)) * (size // 251))
)
STORAGES = st.recursive(
    st.dictionaries(NAMES, STREAMS, max_size=4),
    lambda inner: st.dictionaries(NAMES, st.one_of(STREAMS, inner), max_size=4),
    max_leaves=12,
)


def opened(data: bytes, budget: Budget | None = None) -> CompoundFile:
    return CompoundFile(Content("", "", len(data), data=data, budget=budget or Budget.of(Limits())))


def as_mapping(compound_file: CompoundFile, storage: Entry) -> Storage:
    return {
        entry.name: as_mapping(compound_file, entry) if entry.is_storage else compound_file.read(entry, 10 * MB)
        for entry in storage.children.values()
    }


@settings(max_examples=60, deadline=None)
@given(STORAGES)
def test_what_was_written_is_read(storage: Storage) -> None:
    with opened(compound(storage)) as found:
        assert as_mapping(found, found.root) == storage


@settings(max_examples=30, deadline=None)
@given(STORAGES)
def test_olefile_reads_the_same(storage: Storage) -> None:
    data = compound(storage)
    with olefile.OleFileIO(io.BytesIO(data)) as other, opened(data) as found:
        assert other.parsing_issues == []
        for path in other.listdir():
            entry = found.root
            for name in path:
                entry = entry.children[name.lower()]
            assert found.read(entry, 10 * MB) == other.openstream(path).read()


def test_a_file_of_more_than_7_mb_has_more_of_its_table_elsewhere() -> None:
    big = b"".join(struct.pack("<Q", number) for number in range(MB + 1000))
    with opened(compound({"big": big, "small": b"x"})) as found:
        assert found.read(found.root.children["big"], 10 * MB) == big
        assert found.read(found.root.children["small"], 10 * MB) == b"x"


def _damaged_tables() -> Iterator[tuple[str, bytes]]:
    whole = compound({"stream": b"x" * 5000, "mini": b"y" * 200})
    (fat,) = struct.unpack_from("<I", whole, 76)
    for number in range(12):  # each sector's successor is itself, then the first
        for successor in (number, 0):
            yield f"{number} to {successor}", _with_number(whole, 512 * (fat + 1) + 4 * number, successor)
    (directory,) = struct.unpack_from("<I", whole, 48)
    for entry in range(3):
        for link in (68, 72, 76):  # both neighbours and the child
            at = 512 * (directory + 1) + 128 * entry + link
            yield f"entry {entry} link {link}", _with_number(whole, at, entry)
    yield "a table that holds itself", _with_number(_with_number(whole, 68, fat), 72, 1_000_000)


def _with_number(data: bytes, at: int, number: int) -> bytes:
    return data[:at] + struct.pack("<I", number) + data[at + 4 :]


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in _damaged_tables()])
def test_no_loop_holds_the_reader(data: bytes) -> None:
    with opened(data) as found:
        read = as_mapping(found, found.root)
        assert sum(len(each) for each in read.values()) < 3 * len(data)


def test_streams_that_share_their_sectors_are_all_counted() -> None:
    whole = compound({"a": b"x" * 100_000, "b": b"y" * 5000})
    budget = Budget(inflated_bytes=150_000, members=10)
    with opened(whole, budget) as found:
        found.read(found.root.children["a"], MB)
        with pytest.raises(NotExtractedError, match="inflates_too_much"):
            found.read(found.root.children["a"], MB)


@pytest.mark.parametrize("size", [0, 8, 511, 512, 600])
def test_what_ends_before_its_directory_is_broken(size: int) -> None:
    with pytest.raises(NotExtractedError, match="broken"):
        opened(compound({"a": b"x"})[:size])


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_damage_is_read_or_broken(data: st.DataObject) -> None:
    damaged = bytearray(compound({"a": b"x" * 300, "b": {"c": b"y" * 5000}}))
    for at in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1, max_size=20)):
        damaged[at] = data.draw(st.integers(0, 255))
    began = time.perf_counter()
    with suppress(NotExtractedError), opened(bytes(damaged)) as found:
        as_mapping(found, found.root)
    assert time.perf_counter() - began < 1
