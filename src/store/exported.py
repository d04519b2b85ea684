"""Exported: whole mails, with all that hangs on them, as the objects of CONTRACT.md (`export --format jsonl`)."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Engine, Row, Select, select

from src.store.bounds import clean
from src.store.faults import translated
from src.store.tables import email_attachments, raw_emails
from src.store.tags import rules_of, tags_of

EXPORT_PAGE_ROWS = 50  # of whole mails with their attachments: a page may hold megabytes

_mail = raw_emails.c
_attachment = email_attachments.c


class _Whole(NamedTuple):
    """A mail with all that hangs on it."""

    mail: Row[Any]
    attachments: Sequence[Row[Any]]
    tags: Sequence[str]
    rules: Sequence[str]


def exported(engine: Engine, account: str | None) -> Iterator[dict[str, object]]:
    """Walk all stored mails, or those of an account, by row id, page by page."""
    wanted = select(raw_emails).where(_mail.is_stored)
    if account is not None:
        wanted = wanted.where(_mail.account == clean(account))
    page = wanted.order_by(_mail.id).limit(EXPORT_PAGE_ROWS)
    last_id = -1
    while True:
        mails = _page(engine, page.where(_mail.id > last_id))
        if not mails:
            return
        yield from (_exported(*mail) for mail in mails)
        last_id = mails[-1].mail.id


def _page(engine: Engine, page: Select[Any]) -> list[_Whole]:
    attachments: dict[int, list[Row[Any]]] = {}
    with translated(), engine.connect() as connection:
        mails = connection.execute(page).all()
        ids = [mail.id for mail in mails]
        order = (_attachment.email_id, _attachment.position)
        statement = select(email_attachments).where(_attachment.email_id.in_(ids)).order_by(*order)
        for row in connection.execute(statement):
            attachments.setdefault(row.email_id, []).append(row)
        tags, rules = tags_of(connection, ids), rules_of(connection, ids)
    return [_Whole(mail, attachments.get(mail.id, []), tags.get(mail.id, []), rules.get(mail.id, [])) for mail in mails]


def _exported(
    mail: Row[Any], attachments: Sequence[Row[Any]], tags: Sequence[str], rules: Sequence[str]
) -> dict[str, object]:
    """Return the object of `export --format jsonl`; names and order are part of the contract."""
    return {
        "account": mail.account,
        "source": mail.source,
        "source_id": mail.source_id,
        "mailbox": mail.mailbox,
        "message_id": mail.message_id,
        "thread_id": mail.thread_id,
        "subject": mail.subject,
        "from": mail.sender,
        "to": mail.recipients["to"],
        "cc": mail.recipients["cc"],
        "date": _iso(mail.date),
        "received_at": _iso(mail.received_at),
        "size": mail.size_bytes,
        "text": mail.body,
        "labels": mail.labels,
        "tags": tags,
        "rules": rules,
        "is_deleted": mail.is_deleted,
        "sha256": mail.sha256,
        "attachments": [
            {
                "filename": attachment.filename,
                "content_type": attachment.content_type,
                "size": attachment.size_bytes,
                "sha256": attachment.sha256,
                "text": attachment.text,
                "skipped_reason": attachment.skipped_reason,
                "outcome": attachment.outcome,
                "is_truncated": attachment.is_truncated,
                "scan": attachment.scan,
                "metadata": attachment.metadata,
            }
            for attachment in attachments
        ],
    }


def _iso(time: datetime | None) -> str | None:
    return time.isoformat() if time is not None else None
