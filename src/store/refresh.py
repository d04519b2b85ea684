"""Refresh: what is known of a stored mail's attachments, when its content comes once more.

Mostly it says nothing new. After `attachments reprocess` it does: a text where there was none, or none any more where
the scanner found a virus. Of each attachment, what was read well counts more than what failed; of that, what the
scanner judged more than what it did not; then what was fetched last. That is a maximum, so any order and any repeats
end in the same state.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import orjson

from src.model.extraction import Extracted, Scan
from src.store.content import AttachmentRow, Prepared, SearchTexts, search_texts

# The end of an INSERT of attachments that replaces what is there, on both databases.
ON_CONFLICT = "ON CONFLICT (email_id, position) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in AttachmentRow._fields if name != "position"
)


_UNREAD, _READ_IN_PART, _READ, _JUDGED = range(4)  # what a reading is worth


class Texts(NamedTuple):
    """The columns of raw_emails that are searched; `recipients` as JSON."""

    subject: str
    sender: str
    recipients: str
    body: str


class Refresh(NamedTuple):
    """What is to be written of one mail."""

    changed: list[AttachmentRow]
    before: SearchTexts
    after: SearchTexts


def refresh(texts: Texts, stored: Sequence[AttachmentRow], told: Iterable[AttachmentRow]) -> Refresh | None:
    """Return what changes when `told` comes to what is `stored`; None if nothing does."""
    merged = merge(stored, told)
    changed = [row for row in merged if row not in stored]
    if not changed:
        return None
    recipients = orjson.loads(texts.recipients)
    people = [texts.sender, *recipients["to"], *recipients["cc"], *recipients["bcc"]]
    before = search_texts(texts.subject, people, texts.body, stored)
    return Refresh(changed, before, search_texts(texts.subject, people, texts.body, merged))


def merge(one: Iterable[AttachmentRow], other: Iterable[AttachmentRow]) -> list[AttachmentRow]:
    """Return the better row of each position."""
    best: dict[int, AttachmentRow] = {}
    for row in (*one, *other):
        best[row.position] = max(best.get(row.position, row), row, key=_rank)
    return [best[position] for position in sorted(best)]


def merged(prepared: Prepared, texts: Texts, told: Iterable[AttachmentRow]) -> Prepared:
    """Return a mail's content with what another record of the same mail tells of its attachments."""
    found = refresh(texts, prepared.attachments, told)
    if found is None:
        return prepared
    return prepared._replace(attachments=merge(prepared.attachments, told), search=found.after)


def _rank(row: AttachmentRow) -> tuple[int, int, AttachmentRow]:
    return _worth(row), row.content_version, row  # the row itself last: one of two must always be the greater


def _worth(row: AttachmentRow) -> int:
    if row.scan == Scan.INFECTED:
        return _JUDGED  # only a scanner that calls it clean may bring its text back, not one that is away or off
    if row.outcome not in (Extracted.TEXT, Extracted.EMPTY):
        return _UNREAD
    if row.skipped_reason:
        return _READ_IN_PART
    return _JUDGED if row.scan == Scan.CLEAN else _READ
