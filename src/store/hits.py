"""From the ids that a search found to what is shown of them, the same on both databases."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.engine import Connection

from src.store.protocol import SearchHit
from src.store.query import Query
from src.store.snippet import SCANNED_CHARS, make_snippet
from src.store.tables import email_attachments, raw_emails

MAX_HITS = 1_000  # of one search, whatever limit is asked for

_mail = raw_emails.c
_attachment = email_attachments.c


def load_hits(connection: Connection, query: Query, ids: Sequence[int]) -> list[SearchHit]:
    """Return the mails of `ids`, in this order."""
    mails = {row.id: row for row in connection.execute(_mails(ids))}
    attachments: dict[int, list[str]] = {}
    for row in connection.execute(_attachment_texts(ids)):
        attachments.setdefault(row.email_id, []).append(f"{row.filename} {row.text}")
    return [_hit(query, mails[id_], attachments.get(id_, [])) for id_ in ids if id_ in mails]


def _mails(ids: Sequence[int]) -> Any:
    return select(
        _mail.id,
        _mail.account,
        _mail.mailbox,
        _mail.source_id,
        _mail.received_at,
        _mail.sender,
        _mail.recipients,
        _mail.subject,
        func.substr(_mail.body, 1, SCANNED_CHARS).label("body"),
        _mail.is_deleted,
        _mail.labels,
    ).where(_mail.id.in_(ids))


def _attachment_texts(ids: Sequence[int]) -> Any:
    text = func.substr(_attachment.text, 1, SCANNED_CHARS).label("text")
    wanted = select(_attachment.email_id, _attachment.filename, text).where(_attachment.email_id.in_(ids))
    return wanted.order_by(_attachment.email_id, _attachment.position)


def _hit(query: Query, mail: Row[Any], attachments: Sequence[str]) -> SearchHit:
    people = ", ".join([mail.sender, *mail.recipients["to"], *mail.recipients["cc"], *mail.recipients["bcc"]])
    # What the list shows anyway comes last; without any match in sight, the body's beginning is shown.
    snippet = make_snippet(query, [mail.body, *attachments, mail.subject, people, mail.body])
    return SearchHit(
        id=mail.id,
        account=mail.account,
        mailbox=mail.mailbox,
        source_id=mail.source_id,
        received_at=mail.received_at,
        sender=mail.sender,
        subject=mail.subject,
        snippet=snippet,
        is_deleted=mail.is_deleted,
        labels=tuple(mail.labels),
    )
