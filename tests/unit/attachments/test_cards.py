"""Calendars and vCards: the words that a reader would search for are found, in linear time."""

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.attachments.content_lines import MAX_LINES, content_lines, unfolded
from src.attachments.limits import MB
from src.model.extraction import Extracted
from tests.fixtures.reading import read

PICTURE = base64.b64encode(bytes(range(256)) * 8).decode()

INVITATION = """BEGIN:VCALENDAR
PRODID:-//Example//EN
X-WR-CALNAME:Büro
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:4711@example.org
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20260102T090000
DTEND:20260102T083000Z
SUMMARY;LANGUAGE=de:Besprechung\\, wichtig\\; im Gro
 ßen Saal
LOCATION:Köln
DESCRIPTION:First line\\nsecond C:\\\\temp
ORGANIZER;CN="Example, Ann":MAILTO:ann@example.org
ATTENDEE;ROLE=REQ-PARTICIPANT;CN=Zoë;RSVP=TRUE:mailto:zoe@example.org
ATTENDEE:mailto:bob@example.org
ATTACH;ENCODING=BASE64;VALUE=BINARY:{picture}
ATTACH:https://example.org/agenda
BEGIN:VALARM
DESCRIPTION:Reminder
END:VALARM
END:VEVENT
END:VCALENDAR
"""


def folded(text: str, at_bytes: int = 75) -> bytes:
    """Return lines folded by bytes, in the middle of characters as well (RFC 5545 section 3.1)."""
    out = []
    for line in text.replace("\n ", "\0").split("\n"):
        written = line.encode().replace(b"\0", b"\r\n ")
        pieces = [written] if b"\r\n" in written else []
        pieces = pieces or [written[at : at + at_bytes] for at in range(0, len(written), at_bytes)] or [b""]
        out.append(b"\r\n ".join(pieces))
    return b"\r\n".join(out)


@pytest.mark.parametrize("declared", ["text/calendar", "application/ics", "text/plain", "application/octet-stream"])
def test_an_invitation_reads_as_people_write_it(declared: str) -> None:
    found = read(folded(INVITATION.replace("{picture}", PICTURE)), "invite", declared)
    assert found.text.split("\n") == [
        "X-WR-CALNAME: Büro",
        "",
        "",
        "",
        "DTSTART: 2026-01-02 09:00 Europe/Berlin",
        "DTEND: 2026-01-02 08:30 UTC",
        "SUMMARY: Besprechung, wichtig; im Großen Saal",
        "LOCATION: Köln",
        "DESCRIPTION: First line",
        "second C:\\temp",
        "ORGANIZER: Example, Ann <ann@example.org>",
        "ATTENDEE: Zoë <zoe@example.org>",
        "ATTENDEE: bob@example.org",
        "ATTACH: https://example.org/agenda",
    ]
    assert found.metadata["charset"] == "utf-8"


@pytest.mark.parametrize("declared", ["text/vcard", "text/x-vcard", "text/directory", "application/octet-stream"])
def test_a_card_keeps_its_words_and_drops_its_picture(declared: str) -> None:
    card = (
        "BEGIN:VCARD\nVERSION:4.0\nFN:Zoë Δοκιμή\nN:Δοκιμή;Zoë;;Dr.;\nORG:Example Ltd\\; Co;Räume\n"
        "item1.EMAIL;TYPE=work:zoe@example.org\nTEL;VALUE=uri:tel:+1-555-0100\n"
        "ADR;TYPE=home:;;Straße 1;Köln;;50667;DE\nNOTE:likes 🎉\n"
        f"PHOTO:data:image/png;base64\\,{PICTURE}\nX-PICTURE;ENCODING=b:{PICTURE}\nX-SKYPE:zoe.example\nEND:VCARD\n"
    )
    assert read(folded(card), "", declared).text.split("\n") == [
        "FN: Zoë Δοκιμή",
        "N: Δοκιμή, Zoë, Dr.",
        "ORG: Example Ltd; Co, Räume",
        "EMAIL: zoe@example.org",
        "TEL: +1-555-0100",
        "ADR: Straße 1, Köln, 50667, DE",
        "NOTE: likes 🎉",
        "X-SKYPE: zoe.example",
    ]


def test_an_old_card_in_quoted_printable() -> None:
    card = (
        b"BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=windows-1251;ENCODING=QUOTED-PRINTABLE:=CE=F2=F7=B8=F2;=C0=ED=ED=E0\r\n"
        b"NOTE;ENCODING=QUOTED-PRINTABLE:first=0D=0A=\r\n sec=\r\nTEL:ond\r\nTEL;WORK;VOICE:+1 555 0100\r\n"
        b"PHOTO;JPEG;BASE64:\r\n " + PICTURE[:60].encode() + b"\r\n " + PICTURE[60:120].encode() + b"=\r\n\r\n"
        b"EMAIL;INTERNET:ann@example.org\r\nEND:VCARD\r\n"
    )
    assert read(card, "a.vcf").text.split("\n") == [
        "N: Отчёт, Анна",
        "NOTE: first",
        " secTEL:ond",
        "TEL: +1 555 0100",
        "EMAIL: ann@example.org",
    ]


def test_a_fold_behind_an_equals_sign_is_a_fold() -> None:
    assert read(b"BEGIN:VCARD\r\nURL:https://example.org/?id=\r\n 42\r\nEND:VCARD").text.endswith("?id=42")


def test_lines_that_are_not_folded_go_on_with_the_one_before() -> None:
    assert read(b"BEGIN:VCARD\nNOTE:one\ntwo three\nFN:Ann\nEND:VCARD", "a.vcf").text == "NOTE: one\ntwo three\nFN: Ann"


def test_what_is_only_called_a_calendar_is_read_as_text() -> None:
    assert read(b"no lines here", "a.ics", "text/calendar").text == "no lines here"


def test_a_card_in_utf_16_is_text_and_bytes_are_not() -> None:
    assert "FN:Zoë" in read("BEGIN:VCARD\nFN:Zoë".encode("utf-16"), "a.vcf", "text/vcard").text
    assert read(b"BEGIN:VCARD\nFN:\0\1\2", "a.vcf", "text/vcard").reason == "binary_content"


HOSTILE = {
    "folds": b"\r\n " * (8 * MB // 3),
    "lines": b"X-MS-A:1\n" * (8 * MB // 9),
    "lines that are none": b"BEGIN:VCARD\nNOTE:" + b"x\n" * 4 * MB,
    "parameters": b"NOTE" + b";A=B" * 2 * MB + b":x",
    "quotes": b"NOTE;A=" + b'"' * 8 * MB,
    "escapes": b"N:" + b"\\" * 8 * MB,
    "fields": b"N:" + b"a;" * 4 * MB,
    "quoted-printable": b"NOTE;ENCODING=QUOTED-PRINTABLE:" + b"=\r\n" * (8 * MB // 3),
    "groups": b"a." * 4 * MB + b":",
    "semicolons": b";" * 8 * MB,
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_no_source_takes_long(source: bytes) -> None:
    began = time.process_time()  # of this process alone: a busy machine does not matter
    assert read(source, "a.vcf").outcome in Extracted
    assert time.process_time() - began < 5


def test_lines_beyond_a_number_are_left_out() -> None:
    found = read(b"NOTE:x\n" * MAX_LINES + b"NOTE:last", "a.vcf")
    assert found.truncated
    assert found.text.count("NOTE") == MAX_LINES
    assert "last" not in found.text


@given(st.binary(max_size=500))
def test_any_bytes_are_read(data: bytes) -> None:
    assert read(b"BEGIN:VCARD\r\n" + data, "a.vcf").outcome in Extracted


@given(
    st.lists(st.tuples(st.from_regex(r"[A-Z-]{1,9}", fullmatch=True), st.text("aé🎉 ,:;=", max_size=200)), max_size=9)
)
def test_what_was_folded_is_unfolded(lines: list[tuple[str, str]]) -> None:
    source = b"\r\n".join(folded(f"{name}:{value}", 20) for name, value in lines)
    found = [(line.name, line.value) for line in content_lines(unfolded(source).decode().split("\r\n"))]
    assert found == lines
