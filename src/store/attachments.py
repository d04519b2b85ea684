"""What is asked of stored attachments: a text to be used again, and the mails that are worth another try."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, or_, select

from src.model.extraction import Extracted, Extraction
from src.store.bounds import clean
from src.store.faults import translated
from src.store.protocol import KnownMail
from src.store.reader import KNOWN, PAGE_ROWS, known_mail
from src.store.tables import IS_REUSABLE, email_attachments, raw_emails

_mail = raw_emails.c
_attachment = email_attachments.c


class AttachmentTable:
    """Plays AttachmentReader."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def extraction_of(self, sha256: str, recipe: str) -> Extraction | None:
        """See AttachmentReader.extraction_of."""
        columns = (_attachment.outcome, _attachment.text, _attachment.is_truncated, _attachment.metadata)
        same = (_attachment.sha256 == clean(sha256), _attachment.recipe == clean(recipe), IS_REUSABLE)
        with translated(), self._engine.connect() as connection:
            found = connection.execute(select(*columns).where(*same).limit(1)).first()
        if found is None:
            return None
        return Extraction(
            Extracted(found.outcome), text=found.text, truncated=found.is_truncated, metadata=found.metadata
        )

    def mails_to_read_again(self, account: str, *, reason: str = "", way: str = "") -> Iterator[KnownMail]:
        """See AttachmentReader.mails_to_read_again."""
        wanted = select(_attachment.id).where(_attachment.email_id == _mail.id, _is_meant(reason, way)).exists()
        mails: Select[Any] = select(*KNOWN).where(
            _mail.account == clean(account), _mail.is_stored, ~_mail.is_deleted, wanted
        )
        page, last_id = mails.order_by(_mail.id).limit(PAGE_ROWS), -1
        while True:
            with translated(), self._engine.connect() as connection:
                rows = connection.execute(page.where(_mail.id > last_id)).all()
            if not rows:
                return
            yield from (known_mail(row) for row in rows)
            last_id = rows[-1].id


def _is_meant(reason: str, way: str) -> ColumnElement[bool]:
    meant: list[ColumnElement[bool]] = []
    if reason:
        meant += [_attachment.skipped_reason == reason, _attachment.scan == reason]
    if way:
        is_current: ColumnElement[Any] = _attachment.recipe.endswith(f" {way}", autoescape=True)
        meant.append((_attachment.sha256 != "") & ~is_current)
    return or_(*meant)
