"""What sources, verify, export and status read, the same on both databases.

Every walk goes page by page by key, each page in a transaction of its own: memory is bounded, and a slow reader neither
holds a connection nor keeps the database from cleaning up. What is written during a walk may or may not be seen.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Column, ColumnElement, Engine, Executable, Row, Select, and_, func, select, text, tuple_, union
from sqlalchemy.engine import Connection

from src.model.envelope import Place
from src.model.message import Record
from src.store.bounds import clean
from src.store.engine import sqlite_path
from src.store.exported import exported
from src.store.faults import translated
from src.store.protocol import KnownMail, StoreStats
from src.store.stored_record import stored_record
from src.store.tables import HAS_DEFECTS, email_attachments, gmail_sync_state, imap_sync_state, raw_emails
from src.store.tags import mails_by_tag

PAGE_ROWS = 1_000  # of a walk over small rows
LOOKUP_ROWS = 1_000  # ids asked for in one statement

_mail = raw_emails.c
_attachment = email_attachments.c
KNOWN = (
    _mail.id,
    _mail.source_id,
    _mail.mailbox,
    _mail.uidvalidity,
    _mail.uid,
    _mail.labels,
    _mail.is_deleted,
    _mail.is_stored,
    _mail.message_id,
    _mail.size_bytes,
    _mail.received_at,
    _mail.sha256,
    _mail.version,
    _mail.deleted_version,
)


_PLACE = (_mail.mailbox, _mail.uidvalidity, _mail.uid)


class Reader:
    """Plays MailReader but for the search."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def known_mails(
        self, account: str, mailbox: str | None = None, *, uidvalidity: int | None = None
    ) -> Iterator[KnownMail]:
        """See MailReader.known_mails."""
        wanted = select(*KNOWN).where(_mail.account == clean(account))
        if mailbox is not None:
            wanted = wanted.where(_mail.mailbox == clean(mailbox))
        if uidvalidity is not None:
            wanted = wanted.where(_mail.uidvalidity == uidvalidity)
        page = wanted.order_by(*_PLACE, _mail.id).limit(PAGE_ROWS)
        rows = self._rows(page)
        while rows:
            yield from map(known_mail, rows)
            last = rows[-1]
            place = (last.mailbox, last.uidvalidity, last.uid)
            # Mails without UIDs all lie at one place; one condition for both would walk them anew for each page.
            rows = self._rows(page.where(*_all_equal(_PLACE, place), _mail.id > last.id))
            rows = rows or self._rows(page.where(tuple_(*_PLACE) > place))

    def has_numbered_mails(self, account: str) -> bool:
        """See MailReader.has_numbered_mails."""
        living = and_(_mail.account == clean(account), _mail.uidvalidity > 0, _mail.is_deleted.is_(False))
        # In the order of the index of places, so that this one is walked: only rows with numbers are looked into.
        return bool(self._rows(select(_mail.id).where(living).order_by(*_PLACE).limit(1)))

    def find_by_uids(self, account: str, mailbox: str, uidvalidity: int, uids: Sequence[int]) -> dict[int, KnownMail]:
        """See MailReader.find_by_uids."""
        place = and_(_mail.account == clean(account), _mail.mailbox == clean(mailbox), _mail.uidvalidity == uidvalidity)
        found: dict[int, KnownMail] = {}
        for first in range(0, len(uids), LOOKUP_ROWS):
            some = list(uids[first : first + LOOKUP_ROWS])
            # Of several rows at one place (a stub of another id, say), the one that has the mail is meant.
            order = (_mail.is_stored, _mail.is_deleted.desc(), _mail.id.desc())
            rows = self._rows(select(*KNOWN).where(place, _mail.uid.in_(some)).order_by(*order))
            found |= {row.uid: known_mail(row) for row in rows}
        return found

    def find_by_source_ids(self, account: str, source_ids: Sequence[str]) -> dict[str, KnownMail]:
        """See MailReader.find_by_source_ids."""
        found: dict[str, KnownMail] = {}
        for first in range(0, len(source_ids), LOOKUP_ROWS):
            some = [clean(source_id) for source_id in source_ids[first : first + LOOKUP_ROWS]]
            rows = self._rows(select(*KNOWN).where(_mail.account == clean(account), _mail.source_id.in_(some)))
            found |= {row.source_id: known_mail(row) for row in rows}
        return found

    def export(self, account: str | None = None) -> Iterator[dict[str, object]]:
        """See MailReader.export."""
        yield from exported(self._engine, account)

    def stored_record(self, account: str, source_id: str) -> Record | None:
        """See MailReader.stored_record."""
        with translated(), self._engine.connect() as connection:
            return stored_record(connection, account, source_id)

    def stats(self, account: str | None = None) -> StoreStats:
        """See MailReader.stats."""
        with translated(), self._engine.connect() as connection:
            counted = connection.execute(_counts(account)).one()
            with_defects = connection.execute(_defect_count(account)).scalar_one()
            ledger = _ledger(connection) if account is None else {}
            attachments = sum(ledger.values()) if account is None else _attachment_count(connection, account)
            tags = mails_by_tag(connection) if account is None else {}
            size_bytes = _database_size(connection)
        return StoreStats(
            mails=counted.mails,
            deleted=counted.deleted,
            attachments=attachments,
            stubs=counted.stubs,
            with_defects=with_defects,
            newest_received_at=counted.newest,
            size_bytes=size_bytes,
            attachments_by_outcome=ledger,
            mails_by_tag=tags,
        )

    def accounts(self) -> list[str]:
        """See MailReader.accounts."""
        tables = (raw_emails, imap_sync_state, gmail_sync_state)
        rows = self._rows(select(union(*(select(table.c.account) for table in tables)).subquery()))
        return sorted(row.account for row in rows)

    def _rows(self, statement: Select[Any]) -> Sequence[Row[Any]]:
        with translated(), self._engine.connect() as connection:
            return connection.execute(statement).all()


def _all_equal(columns: Iterable[Column[Any]], values: Iterable[object]) -> list[ColumnElement[bool]]:
    return [column == value for column, value in zip(columns, values, strict=True)]


def known_mail(row: Row[Any]) -> KnownMail:
    """Return what a row of the columns `KNOWN` says."""
    return KnownMail(
        source_id=row.source_id,
        place=Place(row.mailbox, row.uidvalidity, row.uid),
        labels=tuple(row.labels),
        is_deleted=row.is_deleted,
        is_stored=row.is_stored,
        message_id=row.message_id,
        size_bytes=row.size_bytes,
        received_at=row.received_at,
        sha256=row.sha256,
        version=max(row.version, row.deleted_version),
    )


def _counts(account: str | None) -> Executable:
    counted = select(
        func.count().filter(_mail.is_stored).label("mails"),
        func.count().filter(_mail.is_stored, _mail.is_deleted).label("deleted"),
        func.count().filter(~_mail.is_stored).label("stubs"),
        func.max(_mail.received_at).label("newest"),
    )
    return counted if account is None else counted.where(_mail.account == clean(account))


def _defect_count(account: str | None) -> Executable:
    counted = select(func.count()).select_from(raw_emails).where(HAS_DEFECTS)
    return counted if account is None else counted.where(_mail.account == clean(account))


def _attachment_count(connection: Connection, account: str) -> int:
    counted = select(func.count()).select_from(email_attachments.join(raw_emails))
    return connection.execute(counted.where(_mail.account == clean(account))).scalar_one()


def _ledger(connection: Connection) -> dict[str, int]:
    kinds = (_attachment.outcome, _attachment.skipped_reason)
    counted = select(*kinds, func.count().label("attachments")).group_by(*kinds).order_by(*kinds)
    return {
        ":".join(filter(None, (row.outcome, row.skipped_reason))): row.attachments
        for row in connection.execute(counted)
    }


def _database_size(connection: Connection) -> int:
    if connection.dialect.name == "postgresql":
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
    path = sqlite_path(connection.engine.url)
    files = (path, Path(f"{path}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())
