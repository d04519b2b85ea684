"""Visit: one connection's stay in one mailbox, and what every step of reading needs there.

A step is a generator that yields Batches and returns the new Position. It ends with its connection: after a cut nothing
is resumed, a new Visit begins at the cursor that was returned last.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from src.common.clock import Clock
from src.imap.answers import FlagChange, GmailTags, MailFacts, Selected
from src.imap.session import Session
from src.model.cursor import Batch, Failure
from src.model.envelope import Envelope, GmailIds, Kind, Place, RawSlices, envelope_id
from src.model.ticket import Ticket
from src.sources.imap.gmail import Found, Whereabouts
from src.sources.imap.ids import SourceIds, gmail_id
from src.sources.imap.limits import Limits
from src.sources.imap.position import Position
from src.sources.imap.suspects import Suspects
from src.store.protocol import KnownMail

KIND = "imap"  # name in the registry

Steps = Generator[Batch, None, Position]


class KnownMails(Protocol):
    """What a source asks of the database; any MailReader plays it."""

    def known_mails(
        self, account: str, mailbox: str | None = None, *, uidvalidity: int | None = None
    ) -> Iterator[KnownMail]:
        """As in MailReader."""
        ...

    def has_numbered_mails(self, account: str) -> bool:
        """As in MailReader."""
        ...

    def find_by_uids(self, account: str, mailbox: str, uidvalidity: int, uids: Sequence[int]) -> dict[int, KnownMail]:
        """As in MailReader."""
        ...

    def find_by_source_ids(self, account: str, source_ids: Sequence[str]) -> dict[str, KnownMail]:
        """As in MailReader."""
        ...


class TicketsOnTheWay(Protocol):
    """What a source asks of the stream; any ProducerStream plays it."""

    def is_on_its_way_or_dead(self, account: str, mailbox: str, envelope_ids: Sequence[str]) -> list[bool]:
        """As in ProducerStream."""
        ...

    def tickets_of(self, account: str, mailbox: str | None = None) -> Iterator[tuple[Ticket, str]]:
        """As in ProducerStream."""
        ...


@dataclass(frozen=True, slots=True)
class Visit:
    """The mailbox as it was selected, and the tools."""

    account: str
    mailbox: str
    session: Session
    selected: Selected
    ids: SourceIds
    known: KnownMails
    tickets: TicketsOnTheWay
    whereabouts: Whereabouts
    suspects: Suspects
    clock: Clock
    limits: Limits

    @property
    def uidvalidity(self) -> int:
        return self.selected.uidvalidity

    def added(self, facts: MailFacts, raw: bytes | RawSlices, *, force: bool, source_id: str = "") -> Envelope:
        """Make the envelope that brings a mail."""
        return Envelope(
            account=self.account,
            source=KIND,
            source_id=source_id or self.ids.of(facts.uid, facts),
            kind=Kind.ADDED,
            place=self.place(facts.uid),
            fetched_at=self.clock.now(),
            labels=labels_of(facts.flags, facts.gmail.labels if facts.gmail else None),
            received_at=facts.received_at,
            raw=raw,
            size_bytes=len(raw) if isinstance(raw, bytes) else raw.size_bytes,
            gmail=gmail_ids(facts.gmail),
            force=force,
        )

    def changed(self, told: FlagChange | MailFacts, source_id: str = "") -> Envelope:
        """Make the envelope that tells a mail's labels and place as they are now."""
        gmail = told.gmail if isinstance(told, MailFacts) else None
        gmail_labels = gmail.labels if gmail else told.labels if isinstance(told, FlagChange) else None
        return Envelope(
            account=self.account,
            source=KIND,
            source_id=source_id or self.ids.of(told.uid, told if isinstance(told, MailFacts) else None),
            kind=Kind.CHANGED,
            place=self.place(told.uid),
            fetched_at=self.clock.now(),
            labels=labels_of(told.flags, gmail_labels),
            gmail=gmail_ids(gmail),
        )

    def changed_at(self, found: Found) -> Envelope:
        """Make the envelope that tells a mail's labels and place in another mailbox, at Gmail."""
        return replace(self.changed(found.facts), place=found.place)

    def deleted(self, source_id: str, place: Place) -> Envelope:
        """Make the envelope that tells that a mail is gone for good."""
        return Envelope(
            account=self.account,
            source=KIND,
            source_id=source_id,
            kind=Kind.DELETED,
            place=place,
            fetched_at=self.clock.now(),
        )

    def known_here(self) -> Iterator[KnownMail]:
        """Walk what the database knows of this mailbox; an archive imported under its name is none of its mails."""
        return (mail for mail in self.known.known_mails(self.account, self.mailbox) if mail.place.uidvalidity)

    def tickets_here(self) -> Iterator[tuple[Ticket, str]]:
        """Walk this mailbox's tickets, with where each is; likewise."""
        told = self.tickets.tickets_of(self.account, self.mailbox)
        return ((ticket, where) for ticket, where in told if ticket.place.uidvalidity)

    def place(self, uid: int) -> Place:
        """Return where a UID lies now."""
        return Place(self.mailbox, self.uidvalidity, uid)

    def on_its_way_or_dead(self, source_ids: Sequence[str]) -> list[bool]:
        """Tell of each mail whether the stream has it or the dead letters do."""
        asked = [envelope_id(self.account, source_id) for source_id in source_ids]
        return self.tickets.is_on_its_way_or_dead(self.account, self.mailbox, asked)


def batch(
    position: Position,
    envelopes: Sequence[Envelope] = (),
    failures: Sequence[Failure] = (),
    *,
    caught_up: bool = False,
    remaining: int | None = None,
) -> Batch:
    """Make a Batch whose cursor is `position`."""
    return Batch(position.to_cursor(), tuple(envelopes), tuple(failures), caught_up=caught_up, remaining=remaining)


def labels_of(flags: tuple[str, ...], gmail_labels: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return flags and Gmail's labels as one sorted tuple; the wire has left `\\Recent` out."""
    return tuple(sorted({*flags, *gmail_labels})) if gmail_labels else flags


def gmail_ids(tags: GmailTags | None) -> GmailIds | None:
    """Return Gmail's ids as the API writes them."""
    if tags is None:
        return None
    return GmailIds(message_id=gmail_id(tags.message_id), thread_id=f"{tags.thread_id:x}", label_ids=tags.labels)
