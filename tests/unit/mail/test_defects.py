"""Every bound holds and says so; every defect of the list is reached by some mail, and is explained in the docs."""

from pathlib import Path

import pytest

from scripts.broken_mails import broken_mails
from src.mail.defects import Defect
from src.mail.limits import DEFAULT
from src.mail.parse import parse
from src.model.message import Message
from tests.fakes.no_sandbox import keep
from tests.mail.corpus import FROM, MIXED, STRANGE_MAILS

ROOT = Path(__file__).resolve().parents[3]

OVER_A_LIMIT: dict[str, tuple[bytes, Defect]] = {
    "header block": (FROM + b"X: y\r\n" * 200_000 + b"\r\nbody", Defect.HEADERS_TOO_LARGE),
    "header field": (FROM + b"Subject: " + b"x" * 70_000 + b"\r\n\r\nbody", Defect.LINE_TOO_LONG),
    "addresses": (FROM + b"To: " + b"a@b.c, " * 3_000 + b"\r\n\r\nbody", Defect.TOO_MANY_ADDRESSES),
    "parts": (MIXED + b"--b\r\n\r\nbody\r\n" * 1_001 + b"--b--", Defect.TOO_MANY_PARTS),
    "body text": (FROM + b"\r\nbody " + b"word " * 300_000, Defect.BODY_TRUNCATED),
    "uuencoded lines": (FROM + b"Content-Transfer-Encoding: uuencode\r\n\r\n" + b"\x80body\r\n", Defect.BAD_UUENCODE),
    "recipients": (FROM + b"To: <>, ()\r\n\r\nbody", Defect.BAD_ADDRESS),
}


def _whole(raw: bytes) -> Message:
    parsed = parse(raw)
    return parsed.with_attachments([keep(part) for part in parsed.parts])


@pytest.mark.parametrize("name", OVER_A_LIMIT)
def test_what_is_over_a_limit_is_left_out_and_said_so(name: str) -> None:
    raw, defect = OVER_A_LIMIT[name]
    message = _whole(raw)
    assert defect in message.defects
    if defect is not Defect.BAD_UUENCODE:
        assert message.body_text.startswith("body") or not message.body_text
    assert len(message.to) <= DEFAULT.addresses
    assert len(message.body_text) <= DEFAULT.body_chars


def test_the_body_is_found_behind_a_header_block_over_its_limit() -> None:
    message = _whole(OVER_A_LIMIT["header block"][0])
    assert (message.body_text, str(message.sender)) == ("body", "Ada Archer <ada@example.org>")


def test_every_defect_is_reached() -> None:
    mails = (
        [mail.raw for mail in STRANGE_MAILS] + [raw for raw, _ in OVER_A_LIMIT.values()] + [*broken_mails().values()]
    )
    reached = {defect for raw in mails for defect in _whole(raw).defects}
    assert reached == {defect.value for defect in Defect}


def test_every_defect_is_explained() -> None:
    page = (ROOT / "docs" / "parsing.md").read_text(encoding="utf-8")
    assert [defect for defect in Defect if f"`{defect}`" not in page] == []


@pytest.mark.parametrize("name", broken_mails())
def test_a_broken_mail_of_the_sample_is_stored_with_what_is_known(name: str) -> None:
    message = _whole(broken_mails()[name])
    assert message.subject or message.body_text


def test_decoding_an_attachment_adds_its_defect_to_the_mail() -> None:
    raw = MIXED + b"--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJ!D\r\n--b--"
    parsed = parse(raw)
    assert parsed.message.defects == ()
    assert parsed.with_attachments([keep(part) for part in parsed.parts]).defects == ("bad_base64",)
