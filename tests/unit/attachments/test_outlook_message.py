"""Outlook's messages: what a reader of them would see is found, and what is attached is read by the same rules."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.attachments.compressed_rtf import decompressed
from src.attachments.limits import MB
from src.model.extraction import Extracted
from tests.fixtures import office_files
from tests.fixtures.compound_files import Storage, compound
from tests.fixtures.outlook_files import NO_ADDRESS, attachment, in_code_page, message, msg
from tests.fixtures.reading import read

TEXTS = ["Grüße aus Köln", "Καλημέρα κόσμε", "Добрый день", "你好，世界", "مرحبا بالعالم", "naïve ☕ 🎉"]
# The examples of MS-OXRTFCP, section 3.1.
HELLO = "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
CROSSING = "1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0"
HTML_IN_RTF = (
    rb"{\rtf1\ansi\ansicpg1252\fromhtml1 {\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 Hello {\*\htmltag84 <b>}"
    rb"there{\*\htmltag92 </b>}\htmlrtf\par}\htmlrtf0 {\*\htmltag72 </p>}}"
)


def plain_rtf(rtf: bytes) -> bytes:
    return struct.pack("<II4sI", len(rtf) + 12, len(rtf), b"MELA", 0) + rtf


@pytest.mark.parametrize("text", TEXTS)
def test_subject_people_and_body_are_found(text: str) -> None:
    people = [{0x3001: "Bob", 0x39FE: "bob@example.org"}, {0x3001: "Ann", 0x3003: NO_ADDRESS}]
    said = {0x0037: text, 0x0C1A: "Zoë", 0x0C1F: NO_ADDRESS, 0x5D01: "zoe@example.org", 0x1000: f"{text}\r\nsecond"}
    found = read(msg(said, people))
    assert found.outcome is Extracted.TEXT
    assert found.text.split("\n") == [
        text,
        "Zoë <zoe@example.org>",
        "Bob <bob@example.org>, Ann",
        "",
        text,
        "second",
    ]


def test_without_recipients_their_names_as_shown_are_taken() -> None:
    assert read(msg({0x0E04: "Ann; Bob", 0x0E03: "Carol"})).text == "Ann; Bob, Carol"


@pytest.mark.parametrize(
    ("said", "body"),
    [
        ({0x1000: "plain", 0x1013: b"<p>html</p>"}, "plain"),
        ({0x1000: " ", 0x1013: b"<p>h&auml;lt</p>"}, "hält"),
        ({0x1013: "<p>größer</p>".encode("cp1252"), 0x3FDE: 28591}, "größer"),
        ({0x1013: "<p>вечер</p>".encode("koi8-r"), 0x3FDE: 20866}, "вечер"),
        ({0x1009: bytes.fromhex(HELLO)}, "hello world"),
        ({0x1009: plain_rtf(HTML_IN_RTF)}, "Hello there"),
    ],
)
def test_the_body_is_taken_from_where_it_is(said: dict[int, str | bytes | int], body: str) -> None:
    assert read(msg(said)).text == body


def test_texts_of_before_unicode_are_read_in_their_code_page() -> None:
    told = message({0x3FFD: 1251}, head_bytes=32)
    assert read(compound({**told, **in_code_page("Отчёт", 0x0037, "cp1251")})).text == "Отчёт"


def test_attachments_are_read_by_the_same_rules() -> None:
    attached = [
        attachment("Bericht.docx", office_files.docx("in word")),
        attachment("../../größe.txt", "Grüße".encode("cp1252"), "text/plain"),
        attachment("report.pdf", b"MZ\x90\0" * 9),
        attachment("inner.msg", msg({0x0037: "a file inside"})),
    ]
    found = read(msg({0x0037: "The plan", 0x1000: "see below"}, (), attached))
    for word in ("The plan", "see below", "Bericht.docx", "in word", "größe.txt\nGrüße", "a file inside"):
        assert word in found.text
    assert ".." not in found.text
    assert found.metadata == {"members": 5, "members_left_out": 1}


def test_a_signed_message_is_read_where_it_lies() -> None:
    signed = (
        b'Content-Type: multipart/signed; boundary="b"; protocol="application/pkcs7-signature"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nR3LDvMOfZQ==\r\n"
        b"--b\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\n\r\n0\r\n--b--\r\n"
    )
    found = read(msg({0x0037: "signed"}, (), [attachment("smime.p7m", signed, "multipart/signed")]))
    assert "Grüße" in found.text


def within(levels: int) -> Storage:
    inner: Storage = message({0x0037: "the core"})
    for level in range(levels):
        inner = message({0x0037: f"level {level}"}, (), [attachment("fw", inner)])
    return inner


def test_messages_inside_are_read_down_to_a_depth_only() -> None:
    assert "the core" in read(compound(within(1))).text
    deep = read(compound(within(6)))
    assert "level 5" in deep.text
    assert "level 4" in deep.text
    assert "level 3" not in deep.text


def test_a_subject_that_looks_like_a_pdf_is_text() -> None:
    assert read(msg({0x0037: "%PDF-1.7 explained"})).text == "%PDF-1.7 explained"


def test_many_attachments_are_read_up_to_a_number() -> None:
    many = [attachment(f"{at}.txt", b"x") for at in range(20)]
    found = read(msg({0x0037: "many"}, (), many), members=5)
    assert (found.outcome, found.reason, found.truncated) == (Extracted.TEXT, "too_many_members", True)
    assert "4.txt" in found.text
    assert "5.txt" not in found.text


def test_an_attachment_that_is_too_large_keeps_its_name() -> None:
    found = read(msg({0x0037: "big"}, (), [attachment("big.txt", b"words " * 1000)]), memory_bytes=5000)
    assert found.text == "big\n\nbig.txt"


def test_compressed_rtf_is_as_its_specification_shows() -> None:
    assert decompressed(bytes.fromhex(HELLO)) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    assert decompressed(bytes.fromhex(CROSSING)) == b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"


@given(st.binary(max_size=400), st.integers(0, 2**32 - 1))
def test_any_compressed_rtf_is_bounded(data: bytes, claimed: int) -> None:
    whole = struct.pack("<II4sI", 0, claimed, b"LZFu", 0) + data
    assert len(decompressed(whole, 1000)) <= min(1000, claimed)


def test_rtf_that_expands_is_cut() -> None:
    bomb = struct.pack("<II4sI", 0, 2**32 - 1, b"LZFu", 0) + b"\0abcdefgh" * (MB // 8 + 9)
    assert len(decompressed(bomb, MB)) == MB


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_damage_has_an_outcome(data: st.DataObject) -> None:
    damaged = bytearray(msg({0x0037: "x", 0x1009: bytes.fromhex(HELLO)}, (), [attachment("a.txt", b"words")]))
    for at in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1, max_size=20)):
        damaged[at] = data.draw(st.integers(0, 255))
    assert read(bytes(damaged)).outcome in Extracted
