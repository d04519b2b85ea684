"""A mail's content as columns: what is written once, when the mail itself comes."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import orjson

from src.model.extraction import Attachment, Extracted, Extraction, Scan
from src.model.message import Message, Record
from src.store.bounds import MAX_MESSAGE_ID_BYTES, check_number, clean, cut, to_json
from src.store.state import content_version
from src.store.words import folded

SNIPPET_CHARS = 200  # of the body, for lists
# Characters of one mail that can be searched: body first, then attachments. About 60 pages; a mail over it is a log or
# a table, and 1 MB is all that a tsvector holds.
MAX_INDEXED_CHARS = 200_000


class Content(NamedTuple):
    """The columns of raw_emails from `message_id` on, in this order; JSON as text."""

    message_id: str
    in_reply_to: str
    reference_ids: str
    subject: str
    sender: str
    recipients: str
    snippet: str
    body: str
    body_html_preview: str
    headers: str
    defects: str
    size_bytes: int
    sha256: str


class AttachmentRow(NamedTuple):
    """The columns of email_attachments from `position` on; JSON as text."""

    position: int
    filename: str
    content_type: str
    content_id: str
    size_bytes: int
    sha256: str
    is_inline: bool
    outcome: str
    skipped_reason: str
    text: str
    is_truncated: bool
    metadata: str
    scan: str
    recipe: str
    content_version: int


class SearchTexts(NamedTuple):
    """What is searched, column by column, folded and bounded, in UTF-8."""

    subject: bytes
    people: bytes
    body: bytes
    attachments: bytes


class Prepared(NamedTuple):
    """All that a mail's content brings, ready to be written."""

    content: Content
    attachments: list[AttachmentRow]
    search: SearchTexts
    fetched_at: datetime
    record: Record  # whose decision is the one on these attachments


STUB = Content("", "", "[]", "", "", '{"to":[],"cc":[],"bcc":[]}', "", "", "", "{}", "[]", 0, "")


def prepare(record: Record, message: Message) -> Prepared:
    """Return the columns of a mail. Raises DatabaseRefusedError for a number that no database takes."""
    people = [clean(str(address)) for address in (*message.to, *message.cc, *message.bcc)]
    sender = clean(str(message.sender)) if message.sender else ""
    body = clean(message.body_text)
    content = Content(
        message_id=cut(clean(message.message_id), MAX_MESSAGE_ID_BYTES),
        in_reply_to=clean(message.in_reply_to),
        reference_ids=to_json(message.references),
        subject=clean(message.subject),
        sender=sender,
        recipients=to_json(
            {
                "to": people[: len(message.to)],
                "cc": people[len(message.to) : len(message.to) + len(message.cc)],
                "bcc": people[len(message.to) + len(message.cc) :],
            }
        ),
        snippet=_snippet(body),
        body=body,
        body_html_preview=clean(message.body_html_preview),
        headers=to_json(dict(message.headers)),
        defects=to_json(message.defects),
        size_bytes=check_number("size", record.size_bytes),
        sha256=clean(record.sha256),
    )
    version = content_version(record)
    attachments = [_attachment_row(attachment, version) for attachment in message.attachments]
    search = search_texts(content.subject, [sender, *people], content.body, attachments)
    return Prepared(content, attachments, search, record.fetched_at, record)


def _snippet(body: str) -> str:
    # Few bodies begin with so much white space that a little more than the snippet's length does not do.
    for chars in (SNIPPET_CHARS + SNIPPET_CHARS // 8, SNIPPET_CHARS * 2):
        words = " ".join(body[:chars].split())
        if len(words) >= SNIPPET_CHARS:
            break
    return words[:SNIPPET_CHARS]


def _attachment_row(attachment: Attachment, version: int) -> AttachmentRow:
    extraction = attachment.extraction
    return AttachmentRow(
        position=attachment.position,
        filename=clean(attachment.filename),
        content_type=clean(attachment.content_type),
        content_id=clean(attachment.content_id),
        size_bytes=check_number("attachment size", attachment.size_bytes),
        sha256=clean(attachment.sha256),
        is_inline=attachment.is_inline,
        outcome=extraction.outcome.value,
        skipped_reason=clean(extraction.reason),
        text=clean(extraction.text),
        is_truncated=extraction.truncated,
        metadata=to_json(dict(extraction.metadata)),
        scan=attachment.scan.value,
        recipe=clean(attachment.recipe),
        content_version=version,
    )


def attachment_of(row: AttachmentRow) -> Attachment:
    """Return the attachment that a row holds; the opposite of what `prepare` makes of it."""
    return Attachment(
        position=row.position,
        filename=row.filename,
        content_type=row.content_type,
        content_id=row.content_id,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        is_inline=row.is_inline,
        extraction=Extraction(
            Extracted(row.outcome),
            text=row.text,
            reason=row.skipped_reason,
            truncated=row.is_truncated,
            metadata=orjson.loads(row.metadata),
        ),
        scan=Scan(row.scan),
        recipe=row.recipe,
    )


def search_texts(subject: str, people: Sequence[str], body: str, attachments: Iterable[AttachmentRow]) -> SearchTexts:
    """Return what is searched of a mail; the same again for what was stored of it."""
    texts = []
    room = MAX_INDEXED_CHARS
    for text in (subject, " ".join(people), body, *(f"{row.filename}\n{row.text}" for row in attachments)):
        texts.append(folded(text[:room]))
        room -= min(room, len(text))
    return SearchTexts(texts[0], texts[1], texts[2], b"\n".join(texts[3:]))
