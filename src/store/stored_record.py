"""StoredRecord: one stored mail as the record that would bring it, so that rules can be asked about it."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.engine import Connection

from src.model.envelope import Kind, Place
from src.model.message import Address, Message, Record
from src.store.bounds import clean, to_json
from src.store.content import AttachmentRow, attachment_of
from src.store.tables import email_attachments, raw_emails

_mail = raw_emails.c
_attachment = email_attachments.c


def stored_record(connection: Connection, account: str, source_id: str) -> Record | None:
    """Return the record of a mail, with labels and place as they are now; None if it has not come."""
    wanted = select(raw_emails).where(_mail.account == clean(account), _mail.source_id == clean(source_id))
    mail = connection.execute(wanted.where(_mail.is_stored)).first()
    if mail is None:
        return None
    rows = select(email_attachments).where(_attachment.email_id == mail.id).order_by(_attachment.position)
    return Record(
        account=mail.account,
        source=mail.source,
        source_id=mail.source_id,
        kind=Kind.ADDED,
        place=Place(mail.mailbox, mail.uidvalidity, mail.uid),
        version=max(mail.version, 0),
        labels=tuple(mail.labels),
        received_at=mail.received_at,
        fetched_at=mail.fetched_at,
        size_bytes=mail.size_bytes,
        gmail=None,
        message=_message(mail, connection.execute(rows).all()),
        sha256=mail.sha256,
        thread_id=mail.thread_id,
    )


def _message(mail: Row[Any], attachments: Iterable[Row[Any]]) -> Message:
    people = {name: tuple(map(_address, mail.recipients[name])) for name in ("to", "cc", "bcc")}
    return Message(
        message_id=mail.message_id,
        in_reply_to=mail.in_reply_to,
        references=tuple(mail.reference_ids),
        subject=mail.subject,
        sender=_address(mail.sender) if mail.sender else None,
        **people,
        date=mail.date,
        body_text=mail.body,
        body_html_preview=mail.body_html_preview,
        headers=mail.headers,
        attachments=tuple(attachment_of(_attachment_row(row)) for row in attachments),
        defects=tuple(mail.defects),
    )


def _attachment_row(row: Row[Any]) -> AttachmentRow:
    columns = (getattr(row, name) for name in AttachmentRow._fields)
    return AttachmentRow(*columns)._replace(metadata=to_json(row.metadata))


def _address(text: str) -> Address:
    """Return the address that was written so; the opposite of its `str`, but that a name alone counts as an address."""
    name, _, rest = text.rpartition(" <")
    return Address(name, rest[:-1]) if name and len(rest) > 1 and rest.endswith(">") else Address("", text)
