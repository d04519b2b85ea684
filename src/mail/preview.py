"""What a ticket shows of a mail: the producer's quick look. It shares the parser's parts and stops at the first texts.

Bounded so that a ticket fits 64 KiB of JSON whatever the mail holds (at most 13,000 characters of up to 4 bytes).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from src.mail import body, fields
from src.mail.limits import DEFAULT, Limits
from src.mail.part_text import first_chars, part_text
from src.mail.splitter import Node, walk, with_line_feeds
from src.mail.transfer import Raw

TEXT_CHARS = 2_000  # CONTRACT.md: body_text
SUBJECT_CHARS = 500
PEOPLE_CHARS = 2_000  # of all recipients together
REFERENCES_CHARS = 2_000  # of all references together; the latest are kept
HEADERS_CHARS = 6_000  # of all headers together
HEADER_VALUE_CHARS = 500
HEADER_COUNT = 100
ADDRESS_CHARS = 500
MAX_LEAVES = 20  # parts looked at; the texts come first in real mail
TEXT_SOURCE_BYTES = 8_000  # decoded bytes of plain text looked at, at most: 2,000 characters of up to 4 bytes
HTML_SOURCE_BYTES = 32_000  # decoded bytes of HTML looked at, at most, where there is no plain text


@dataclass(frozen=True, slots=True)
class Preview:
    """The part of a ticket that comes from the mail itself. All texts are clean."""

    sender: str  # `Name <address>`; empty if none
    to: tuple[str, ...]
    subject: str
    date: datetime | None  # aware UTC
    message_id: str
    references: tuple[str, ...]  # the latest
    headers: Mapping[str, str]
    body_text: str  # first 2,000 characters
    body_html_preview: str  # first 500 characters of the HTML source


def preview(raw: Raw, limits: Limits = DEFAULT) -> Preview:
    """Look at a mail; never raises on any bytes."""
    raw = with_line_feeds(raw, set())
    root, plain, html = _first_texts(raw, limits)
    headers = root.headers
    sender = fields.sender(headers, limits, set())
    recipients = [str(address)[:ADDRESS_CHARS] for address in fields.people(headers, "to", limits, set())]
    return Preview(
        sender=str(sender)[:ADDRESS_CHARS] if sender else "",
        to=tuple(_within(recipients, PEOPLE_CHARS)),
        subject=headers.text("subject", SUBJECT_CHARS),
        date=fields.date(headers, set()),
        message_id=fields.message_id(headers, "message-id", limits)[:SUBJECT_CHARS],
        references=tuple(_within(list(fields.references(headers, 20, limits))[::-1], REFERENCES_CHARS)[::-1]),
        headers=headers.kept(count=HEADER_COUNT, value_chars=HEADER_VALUE_CHARS, total_chars=HEADERS_CHARS),
        body_text=_text(raw, plain, html),
        body_html_preview=body.html_preview(raw, [html], limits) if html else "",
    )


def _first_texts(raw: Raw, limits: Limits) -> tuple[Node, Node | None, Node | None]:
    """Walk until the first plain text and the first HTML are found, or the first attachment after a text."""
    plain: Node | None = None
    html: Node | None = None
    walker = walk(raw, limits, set())
    root = node = next(walker)
    for _ in range(MAX_LEAVES):
        if not node.boundary and body.is_body(node) and node.message is root:
            if node.content_type == "text/html":
                html = html or node
            else:
                plain = plain or node
        elif not node.boundary and (plain or html):
            break
        if plain and html:
            break
        following = next(walker, None)
        if following is None:
            break
        node = following
    return root, plain, html


def _text(raw: Raw, plain: Node | None, html: Node | None) -> str:
    text = ""
    if plain is not None:
        text = first_chars(raw, plain, TEXT_CHARS, TEXT_SOURCE_BYTES, part_text)
    if not text and html is not None:
        text = first_chars(raw, html, TEXT_CHARS, HTML_SOURCE_BYTES, part_text)
    return text


def _within(texts: list[str], total_chars: int) -> list[str]:
    """Return the first texts that together stay within `total_chars`."""
    kept: list[str] = []
    for text in texts:
        total_chars -= len(text)
        if total_chars < 0:
            break
        kept.append(text)
    return kept
