"""A source of numbered mails for the tests, which fails when told, and a stream that misbehaves when told."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime

from src.model.cursor import Batch, Cursor
from src.model.envelope import Envelope, Kind, Place
from src.stream.memory.stream import MemoryStream
from src.stream.protocol import Lease, Outgoing, Published, PublishResult

ACCOUNT, MAILBOX = "alice@example.org", "INBOX"
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def mail(number: int, account: str = ACCOUNT) -> Envelope:
    """Return the envelope of mail `number`, from 1."""
    raw = b"Subject: %d\n\nbody\n" % number
    return Envelope(
        account=account,
        source="scripted",
        source_id=str(number),
        kind=Kind.ADDED,
        place=Place(MAILBOX, 1, number),
        fetched_at=EPOCH,
        raw=raw,
        size_bytes=len(raw),
    )


class ScriptedSource:
    """Plays Source: mails 1 to `count`, some a batch. Raises what `errors` holds, one a fetch, before it gives."""

    kind = "scripted"

    def __init__(
        self,
        count: int,
        *,
        batch_mails: int = 3,
        errors: Sequence[Exception] = (),
        mailbox: str = MAILBOX,
        account: str = ACCOUNT,
    ) -> None:
        self.account, self.mailbox = account, mailbox
        self.count = count
        self.fetched: list[int] = []  # the cursor of each fetch
        self.threads: set[int] = set()
        self.is_closed = False
        self._batch_mails = batch_mails
        self._errors = list(errors)

    def fetch(self, cursor: Cursor) -> Batch:
        self.threads.add(threading.get_ident())
        first = cursor.get_int("last_uid") + 1
        self.fetched.append(first - 1)
        if self._errors:
            raise self._errors.pop(0)
        last = min(first + self._batch_mails - 1, self.count)
        return Batch(
            cursor=cursor.moved(last_uid=last) if last else cursor,
            envelopes=tuple(mail(number, self.account) for number in range(first, last + 1)),
            caught_up=last == self.count,
            remaining=self.count - last,
        )

    def close(self) -> None:
        self.is_closed = True


class FaultyStream(MemoryStream):
    """A memory stream whose `publish` first does what `faults` says, one a call; then it is well.

    An exception is raised without effect; ("lost", exception) is raised after the effect, as when a reply is lost;
    a PublishResult is answered without effect.
    """

    def __init__(self, faults: Sequence[object] = ()) -> None:
        super().__init__()
        self.faults = list(faults)
        self.has_passed_a_gap = False

    def publish(self, lease: Lease, outgoing: Sequence[Outgoing], *, before: Cursor, after: Cursor) -> Published:
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, Exception):
            raise fault
        if isinstance(fault, PublishResult):
            return Published(fault)
        published = super().publish(lease, outgoing, before=before, after=after)
        reached = self.load_cursor(lease.account, lease.mailbox).get_int("last_uid")
        self.has_passed_a_gap |= not set(range(1, reached + 1)) <= published_numbers(self)
        if isinstance(fault, tuple):
            raise fault[1]
        return published


def published_numbers(stream: MemoryStream, account: str = ACCOUNT) -> set[int]:
    """Return the numbers of the mails that are on the stream or dead."""
    return {int(ticket.source_id) for ticket, _ in stream.tickets_of(account, MAILBOX)}
