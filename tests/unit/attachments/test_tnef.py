"""winmail.dat: the message and what is attached are found, and no length in it is believed."""

import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.attachments.tnef_properties import properties_from, rows_from
from src.model.extraction import Extracted
from tests.fixtures import office_files
from tests.fixtures.outlook_files import msg, tnef, tnef_attachment
from tests.fixtures.reading import read

TEXTS = ["Grüße aus Köln", "Καλημέρα κόσμε", "Добрый день", "你好，世界", "مرحبا بالعالم", "naïve ☕ 🎉"]
WHOLE = tnef({0x0037: "whole", 0x1000: "body"}, (), [tnef_attachment(b"a.txt", b"words")])


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("declared", ["application/ms-tnef", "application/vnd.ms-tnef", "application/octet-stream"])
def test_subject_people_and_body_are_found(text: str, declared: str) -> None:
    said = {0x0037: text, 0x0C1A: "Zoë", 0x5D01: "zoe@example.org", 0x1000: f"{text}\r\nsecond"}
    found = read(tnef(said, [{0x3001: "Bob", 0x39FE: "bob@example.org"}]), "winmail.dat", declared)
    assert found.outcome is Extracted.TEXT
    assert found.text.split("\n") == [text, "Zoë <zoe@example.org>", "Bob <bob@example.org>", "", text, "second"]


def test_attributes_tell_in_their_code_page_what_no_property_tells() -> None:
    assert read(tnef({}, subject="Отчёт".encode("cp1251"), code_page=1251)).text == "Отчёт"
    assert read(tnef({0x0037: "better"}, subject=b"worse")).text == "better"


def test_attachments_are_read_under_their_long_names_by_the_same_rules() -> None:
    attached = [
        tnef_attachment(b"BERICH~1.DOC", office_files.docx("in word"), {0x3707: "Bericht für Zoë.docx"}),
        tnef_attachment("größe.txt".encode("cp1252"), "Grüße".encode("cp1252")),
        tnef_attachment(b"..\\..\\report.pdf", b"MZ\x90\0" * 9),
        tnef_attachment(b"", None, {0x3001: "forwarded"}, inner=tnef({0x0037: "a mail inside"})),
        tnef_attachment(b"held.txt", None, {0x3701: b"held by a property"}),
        tnef_attachment(b"inner.msg", msg({0x0037: "a file inside"})),
    ]
    found = read(tnef({0x0037: "The plan"}, (), attached))
    for words in (
        *("The plan", "Bericht für Zoë.docx\nin word", "größe.txt\nGrüße", "report.pdf"),
        *("forwarded\na mail inside", "held.txt\nheld by a property", "inner.msg\na file inside"),
    ):
        assert words in found.text
    assert "BERICH" not in found.text
    assert not {"..", "\\", "/"} & set(found.text)
    assert found.metadata == {"members": 7, "members_left_out": 1}


def test_messages_inside_are_read_down_to_a_depth_only() -> None:
    data = tnef({0x0037: "the core"})
    for level in range(6):
        data = tnef({0x0037: f"level {level}"}, (), [tnef_attachment(b"fw", None, inner=data)])
    found = read(data)
    assert found.text.split() == ["level", "5", "fw", "level", "4", "fw"]


def test_many_attachments_are_read_up_to_a_number() -> None:
    many = [tnef_attachment(b"%d.txt" % at, b"x") for at in range(20)]
    found = read(tnef({0x0037: "many"}, (), many), members=5)
    assert (found.outcome, found.reason) == (Extracted.TEXT, "too_many_members")
    assert "5.txt" not in found.text


def test_an_attachment_that_is_too_large_keeps_its_name() -> None:
    attached = [tnef_attachment(b"big.txt", b"words " * 1000), tnef_attachment(b"small.txt", b"words")]
    assert read(tnef({}, (), attached), memory_bytes=5000).text == "big.txt\n\nsmall.txt\nwords"


@pytest.mark.parametrize("cut", range(0, len(WHOLE), 7))
def test_what_is_cut_off_is_missing_and_the_rest_is_read(cut: int) -> None:
    found = read(WHOLE[: len(WHOLE) - cut], "winmail.dat")
    assert found.outcome in Extracted
    if cut < 100:
        assert "whole" in found.text


@pytest.mark.parametrize(
    "listed",
    [
        struct.pack("<IHHI", 2**32 - 1, 0x1003, 0x0E99, 2**32 - 1),  # so many properties, so many values
        struct.pack("<IHHII", 2**32 - 1, 0x001F, 0x0037, 2**32 - 1, 2**32 - 1),
        struct.pack("<IHHI", 2**32 - 1, 0x1001, 0x0E99, 2**32 - 1) * 100_000,  # values that take no room
        struct.pack("<IHH", 1, 0x0FFF, 0x0037) * 100_000,  # of no known kind
        struct.pack("<I", 2**32 - 1) * 500_000,
    ],
)
def test_no_count_is_believed(listed: bytes) -> None:
    began = time.perf_counter()
    assert len(properties_from(listed)) <= len(listed)
    assert len(rows_from(listed)) <= 2_000
    assert time.perf_counter() - began < 5


@given(st.binary(max_size=500))
def test_any_list_of_properties_ends(data: bytes) -> None:
    assert sum(len(each.data) for each in properties_from(data).values()) <= len(data)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_damage_has_an_outcome(data: st.DataObject) -> None:
    damaged = bytearray(WHOLE)
    for at in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1, max_size=20)):
        damaged[at] = data.draw(st.integers(0, 255))
    assert read(bytes(damaged)).outcome in Extracted
