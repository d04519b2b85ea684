"""The producer's quick look: bounded whatever the mail holds, and equal to the full parse where both look."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.make_mails import mail
from src.mail.parse import parse
from src.mail.preview import Preview, preview

TICKET_BYTES = 64 * 1024  # Outgoing.payload


def _as_json_bytes(look: Preview) -> int:
    fields = (look.sender, look.to, look.subject, look.message_id, look.references, dict(look.headers))
    return len(json.dumps((*fields, look.body_text, look.body_html_preview), ensure_ascii=False).encode())


def test_generated_mails_look_as_they_parse() -> None:
    for number in range(60):
        raw = mail(number)
        look, message = preview(raw), parse(raw).message
        assert (look.sender, look.subject, look.date) == (str(message.sender), message.subject, message.date)
        assert look.to == tuple(str(address) for address in message.to)
        assert look.body_text.strip() == message.body_text[:2000].strip()
        assert look.body_html_preview == message.body_html_preview
        assert look.references == message.references


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["x", "\\", '"', "é", "漢", "🜁"]), st.integers(1, 400))
def test_a_ticket_never_outgrows_its_bound(character: str, count: int) -> None:
    text = character * 5_000
    fields = "".join(f"X-{n}: {text}\r\n" for n in range(count // 4))
    people = ", ".join(f"{character * 50} <a{n}@example.org>" for n in range(count))
    ids = " ".join(f"<{character * 300}{n}@x>" for n in range(count))
    head = f"From: {people}\r\nTo: {people}\r\nSubject: {text}\r\nMessage-ID: <{text}>\r\n"
    look = preview(f"{head}References: {ids}\r\n{fields}\r\n{text}".encode())
    assert _as_json_bytes(look) < TICKET_BYTES - 8_000  # the rest of a ticket is small
