"""Refresh: what is known of a stored mail's attachments, when its content comes once more, and what rules say then.

Mostly it says nothing new. After `attachments reprocess` it does: a text where there was none, or none any more where
the scanner found a virus. Of each attachment, what was read well counts more than what failed; of that, what the
scanner judged more than what it did not; then what was fetched last. That is a maximum, so any order and any repeats
end in the same state. The decision is that of the content fetched last, on these attachments (decided.py).
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import orjson

from src.model.decision import Decision
from src.model.extraction import Extracted, Scan
from src.model.message import Decide
from src.store.content import AttachmentRow, Prepared, SearchTexts, search_texts
from src.store.decided import decided, differs
from src.store.state import content_version

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


class Known(NamedTuple):
    """What is stored of a mail."""

    texts: Texts
    attachments: list[AttachmentRow]
    decision: Decision
    content_version: int  # of the content that came last


class Searched(NamedTuple):
    """What is searched of a mail changes."""

    before: SearchTexts
    after: SearchTexts


class Refresh(NamedTuple):
    """What is to be written of one mail."""

    changed: list[AttachmentRow]
    searched: Searched | None  # None: it stays
    decision: Decision | None  # None: it stays


def refresh(known: Known, told: Prepared, decide: Decide) -> Refresh | None:
    """Return what changes when `told` comes to what is `known`; None if nothing does."""
    rows = merge(known.attachments, told.attachments)
    changed = [row for row in rows if row not in known.attachments]
    is_latest = content_version(told.record) >= known.content_version
    decision = decided(told, rows, decide) if changed or is_latest else None
    if not differs(decision, known.decision):
        decision = None
    if not changed and decision is None:
        return None
    searched = Searched(_searched(known.texts, known.attachments), _searched(known.texts, rows)) if changed else None
    return Refresh(changed, searched if searched and searched.before != searched.after else None, decision)


def merge(one: Iterable[AttachmentRow], other: Iterable[AttachmentRow]) -> list[AttachmentRow]:
    """Return the better row of each position."""
    best: dict[int, AttachmentRow] = {}
    for row in (*one, *other):
        best[row.position] = max(best.get(row.position, row), row, key=_rank)
    return [best[position] for position in sorted(best)]


def merged(one: Prepared, other: Prepared, decide: Decide) -> Prepared:
    """Return a mail's content with what another record of the same mail tells of its attachments, and with the decision
    of the one fetched last."""
    latest = max(one, other, key=lambda prepared: content_version(prepared.record))
    rows = merge(one.attachments, other.attachments)
    record = replace(latest.record, decision=decided(latest, rows, decide))
    if rows == one.attachments:
        return one._replace(record=record)
    content = one.content
    texts = Texts(content.subject, content.sender, content.recipients, content.body)
    return one._replace(attachments=rows, search=_searched(texts, rows), record=record)


def _searched(texts: Texts, rows: Iterable[AttachmentRow]) -> SearchTexts:
    recipients = orjson.loads(texts.recipients)
    people = [texts.sender, *recipients["to"], *recipients["cc"], *recipients["bcc"]]
    return search_texts(texts.subject, people, texts.body, rows)


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
