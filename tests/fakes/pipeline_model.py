"""A small model of stream, workers and store, to apply a source's batches to: what must be true in the end, and nothing
of how it is done. Plays what a source asks of the database and of the stream.
"""

import hashlib
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from src.model.cursor import Batch, Cursor
from src.model.envelope import Envelope, Kind, Place
from src.model.ticket import Ticket
from src.store.protocol import KnownMail


@dataclass
class Row:
    """One mail in the database."""

    source_id: str
    place: Place
    raw: bytes | None = None
    labels: tuple[str, ...] = ()
    received_at: datetime | None = None
    version: int = 0
    deleted_version: int = 0

    @property
    def is_deleted(self) -> bool:
        return self.deleted_version > 0 and self.deleted_version >= self.version

    def known(self) -> KnownMail:
        raw = self.raw or b""
        return KnownMail(
            source_id=self.source_id,
            place=self.place,
            labels=self.labels,
            is_deleted=self.is_deleted,
            is_stored=self.raw is not None,
            message_id=message_id_of(raw),
            size_bytes=len(raw),
            received_at=self.received_at,
            sha256=hashlib.sha256(raw).hexdigest() if raw else "",
            version=max(self.version, self.deleted_version),
        )


@dataclass
class _Entry:
    envelope: Envelope
    raw: bytes
    version: int


@dataclass
class PipelineModel:
    """Stream, dead letters, cursors and database of one account."""

    rng: random.Random = field(default_factory=lambda: random.Random(1))
    rows: dict[str, Row] = field(default_factory=dict)
    cursors: dict[str, Cursor] = field(default_factory=dict)
    live: list[_Entry] = field(default_factory=list)
    dead: dict[str, tuple[Envelope, str]] = field(default_factory=dict)  # by envelope id, with the code
    published_lately: set[str] = field(default_factory=set)
    _versions: int = 0

    def publish(self, mailbox: str, before: Cursor, batch: Batch) -> bool:
        """Publish as the script does; False when the stored cursor is another."""
        if self.cursors.get(mailbox, Cursor()) != before:
            return False
        entries = [(envelope, _read(envelope)) for envelope in batch.envelopes]  # a big mail may break off: before all
        for envelope, raw in entries:
            self._put(envelope, raw)
        for failure in batch.failures:
            if not self._is_busy(failure.envelope.id):
                self.dead[failure.envelope.id] = (failure.envelope, failure.code)
        self.cursors[mailbox] = batch.cursor
        return True

    def work(self, limit: int | None = None) -> None:
        """Settle up to `limit` entries, in any order."""
        self.rng.shuffle(self.live)
        done, self.live = self.live[:limit], self.live[len(self.live) if limit is None else limit :]
        for entry in done:
            self._apply(entry)

    def living(self, mailbox: str | None = None) -> list[Row]:
        """Return the rows of stored mails that are not deleted."""
        return [
            row
            for row in self.rows.values()
            if row.raw is not None and not row.is_deleted and mailbox in (None, row.place.mailbox)
        ]

    # --- what a source asks ------------------------------------------------------------------------------------------

    def known_mails(
        self, account: str, mailbox: str | None = None, *, uidvalidity: int | None = None
    ) -> Iterator[KnownMail]:
        rows = [row for row in self.rows.values() if mailbox in (None, row.place.mailbox)]
        rows = [row for row in rows if uidvalidity in (None, row.place.uidvalidity)]
        yield from [row.known() for row in sorted(rows, key=lambda row: (row.place.uidvalidity, row.place.uid))]

    def has_numbered_mails(self, account: str) -> bool:
        return any(row.place.uidvalidity and not row.is_deleted for row in self.rows.values())

    def find_by_uids(self, account: str, mailbox: str, uidvalidity: int, uids: Sequence[int]) -> dict[int, KnownMail]:
        found: dict[int, KnownMail] = {}
        for mail in self.known_mails(account, mailbox, uidvalidity=uidvalidity):
            uid = mail.place.uid
            if uid in uids and (uid not in found or (mail.is_stored and not mail.is_deleted)):
                found[uid] = mail
        return found

    def find_by_source_ids(self, account: str, source_ids: Sequence[str]) -> dict[str, KnownMail]:
        return {source_id: self.rows[source_id].known() for source_id in source_ids if source_id in self.rows}

    def is_on_its_way_or_dead(self, account: str, mailbox: str, envelope_ids: Sequence[str]) -> list[bool]:
        return [self._is_busy(envelope_id) for envelope_id in envelope_ids]

    def tickets_of(self, account: str, mailbox: str | None = None) -> Iterator[tuple[Ticket, str]]:
        for entry in list(self.live):
            if mailbox in (None, entry.envelope.place.mailbox):
                yield _ticket(entry.envelope, entry.version), "live"
        for envelope, _ in list(self.dead.values()):
            if mailbox in (None, envelope.place.mailbox):
                yield _ticket(envelope, 0), "dead"

    # --- inside ------------------------------------------------------------------------------------------------------

    def _is_busy(self, envelope_id: str) -> bool:
        return envelope_id in self.dead or any(entry.envelope.id == envelope_id for entry in self._added())

    def _added(self) -> list[_Entry]:
        return [entry for entry in self.live if entry.envelope.kind is Kind.ADDED]

    def _put(self, envelope: Envelope, raw: bytes) -> None:
        if envelope.kind is Kind.ADDED:
            was_lately = envelope.id in self.published_lately and not envelope.force
            if self._is_busy(envelope.id) or was_lately:
                return
            self.published_lately.add(envelope.id)
        self._versions += 1
        self.live.append(_Entry(envelope, raw, envelope.version or self._versions))

    def _apply(self, entry: _Entry) -> None:
        envelope = entry.envelope
        row = self.rows.setdefault(envelope.source_id, Row(envelope.source_id, envelope.place))
        if envelope.kind is Kind.DELETED:
            row.deleted_version = max(row.deleted_version, entry.version)
            return
        if envelope.kind is Kind.ADDED:
            if row.raw is None:
                row.raw = entry.raw
            row.received_at = row.received_at or envelope.received_at
        if entry.version > row.version:
            row.version, row.place = entry.version, envelope.place
            row.labels = row.labels if envelope.labels is None else envelope.labels


def message_id_of(raw: bytes) -> str:
    """Return the Message-ID without brackets; empty if there is none."""
    found = re.search(rb"^Message-ID: <([^>]*)>", raw, re.MULTILINE)
    return found[1].decode() if found else ""


def _read(envelope: Envelope) -> bytes:
    return envelope.raw if isinstance(envelope.raw, bytes) else b"".join(envelope.raw)


def _ticket(envelope: Envelope, version: int) -> Ticket:
    raw = envelope.raw if isinstance(envelope.raw, bytes) else b""
    return Ticket(
        entry_id="1-1",
        envelope_id=envelope.id,
        partition=0,
        account=envelope.account,
        source=envelope.source,
        source_id=envelope.source_id,
        kind=envelope.kind,
        place=envelope.place,
        version=version,
        size_bytes=envelope.size_bytes,
        fetched_at=envelope.fetched_at,
        labels=envelope.labels,
        received_at=envelope.received_at,
        gmail=envelope.gmail,
        attempt=0,
        raw_slices=0,
        payload={"message_id": message_id_of(raw)},
    )
