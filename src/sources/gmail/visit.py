"""Visit: what every step of reading an account needs, and the envelopes that it says things by."""

from collections import OrderedDict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

from src.common.clock import Clock
from src.common.errors import GmailRequestError, GmailUnavailableError, IngestError
from src.common.logs import account_tag, get_logger
from src.model.cursor import Batch, Failure
from src.model.envelope import Envelope, GmailIds, Kind, Place, envelope_id
from src.sources.gmail.label_names import LabelNames
from src.sources.gmail.position import Position
from src.sources.gmail.stubborn import Stubborn
from src.sources.imap.ids import is_gmail_id
from src.sources.imap.visit import KnownMails, TicketsOnTheWay
from src.store.protocol import KnownMail
from src.sync.gmail_values import (
    GoneMessage,
    HistoryPage,
    HistoryTooOld,
    IdPage,
    Label,
    MessageFacts,
    Profile,
    RawMessage,
)
from src.sync.quota_scripts import Use

KIND = "gmail"  # name in the registry
MAILBOX = "Gmail"  # an account is one mailbox here: where a mail lies is said by its labels
MIB = 1024 * 1024
MOST_BROUGHT = 2_000  # remembered: several batches, while one is ahead of the stream
MARK_DIGITS = 8  # of a hash: two sets of filters that follow each other are not mistaken for one another
DRAFT, SPAM, TRASH = "DRAFT", "SPAM", "TRASH"

log = get_logger(__name__)

Steps = Generator[Batch, None, Position]


class Api(Protocol):
    """What a source asks of the wire; `GmailApi` plays it."""

    def profile(self, *, use: Use = "live") -> Profile: ...

    def labels(self, *, use: Use = "live") -> tuple[Label, ...]: ...

    def list_ids(
        self,
        *,
        page: str | None = None,
        query: str = "",
        label_ids: Iterable[str] = (),
        spam_and_trash: bool = True,
        use: Use = "backfill",
    ) -> IdPage: ...

    def history(self, start: int, *, page: str | None = None, use: Use = "live") -> HistoryPage | HistoryTooOld: ...

    def get_minimal(self, message_id: str, *, use: Use = "live") -> MessageFacts | GoneMessage: ...

    def look_up_many(
        self, message_ids: Iterable[str], *, use: Use
    ) -> Iterator[tuple[str, MessageFacts | GoneMessage | IngestError]]: ...

    def fetch_many(
        self, message_ids: Iterable[str], *, use: Use
    ) -> Iterator[tuple[str, RawMessage | GoneMessage | IngestError]]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which mails are read."""

    query: str = ""  # of the backfill, in Gmail's words; what is new comes all the same
    label_ids: frozenset[str] = frozenset()  # mails with one of these; empty: all. In settings names do as well
    spam_and_trash: bool = True
    drafts: bool = False

    @property
    def mark(self) -> str:
        """Return what tells these filters from others, the same in every process; empty for those by default."""
        if self == Wanted():
            return ""
        told = repr((self.query, sorted(self.label_ids), self.spam_and_trash, self.drafts))
        return sha256(told.encode()).hexdigest()[:MARK_DIGITS]

    def takes(self, label_ids: Iterable[str]) -> bool:
        """Tell whether a mail with these labels is read."""
        has = set(label_ids)
        if (DRAFT in has and not self.drafts) or (not self.spam_and_trash and has & {SPAM, TRASH}):
            return False
        return not self.label_ids or bool(has & self.label_ids)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a batch, and how often things are looked at."""

    batch_mails: int = 50
    batch_bytes: int = 8 * MIB
    max_mail_bytes: int = 200 * MIB
    live_every_s: float = 60.0  # between looks at the history while the list of all mails is walked
    compare_every_s: float = 86_400.0  # between comparisons of the whole mailbox
    second_look_s: float = 3.0  # after a 404 for a mail that was just announced: it may not be visible yet


@dataclass(slots=True)
class Visit:
    """One stay; a fault ends it, and the next begins at the cursor that was stored last."""

    account: str
    api: Api
    known: KnownMails
    tickets: TicketsOnTheWay
    clock: Clock
    pause: Callable[[float], object]  # raises when a stop is asked for
    stubborn: Stubborn  # outlives the visit
    label_names: LabelNames = field(default_factory=LabelNames)  # outlives the visit
    take_hint: Callable[[], bool] = lambda: False  # whether something may be new; forgets it
    wanted: Wanted = field(default_factory=Wanted)
    limits: Limits = field(default_factory=Limits)
    eta_s: Callable[[int], float] = float  # seconds that a backfill of so many mails takes by the quota
    tells_labels: bool = False  # the history was seen to tell the labels that a change leaves
    times_forgotten: int = 0  # how often the history was too old
    live_at: float = 0.0  # when the history was last read to its end, monotonic
    # Mails brought lately: the producer fetches a batch ahead, so the stream may not have them yet.
    _brought: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def learn_label_names(self) -> None:
        """Ask what people call the labels. What keeps the API from telling does not keep mails from being read."""
        try:
            self.label_names.learn(self.api.labels())
        except (GmailRequestError, GmailUnavailableError) as error:
            log.info("gmail_label_names_not_told", account=account_tag(self.account), code=error.code)

    def is_live_due(self) -> bool:
        """Tell whether new mail should be looked for before more old mail is read."""
        return self.take_hint() or self.clock.monotonic() - self.live_at >= self.limits.live_every_s

    def stored(self, ids: Sequence[str]) -> dict[str, KnownMail]:
        """Return what the database knows of these mails."""
        return self.known.find_by_source_ids(self.account, ids)

    def on_its_way(self, ids: Sequence[str]) -> set[str]:
        """Return those of these mails that are about to be published, on the stream or dead."""
        asked = [envelope_id(self.account, each) for each in ids]
        told = self.tickets.is_on_its_way_or_dead(self.account, MAILBOX, asked) if asked else []
        return {each for each, is_there in zip(ids, told, strict=True) if is_there or each in self._brought}

    def brought(self, ids: Iterable[str]) -> None:
        """Remember that these mails, or their failures, are in a batch that was handed out."""
        for each in ids:
            self._brought[each] = None
            self._brought.move_to_end(each)
        while len(self._brought) > MOST_BROUGHT:
            self._brought.popitem(last=False)

    def under_way(self) -> set[str]:
        """Return all mails about which something is about to be published, or on the stream.

        Also of what was published while the account was still read through IMAP, mailbox by mailbox.
        """
        told = self.tickets.tickets_of(self.account)
        waiting = {ticket.source_id for ticket, where in told if where != "dead" and is_gmail_id(ticket.source_id)}
        return waiting | self._brought.keys()

    def was_told_by_imap(self) -> bool:
        """Tell whether IMAP was the last to tell of some living mail, be it in the database or on its way there."""
        waiting = any(ticket.place.uid and where != "dead" for ticket, where in self.tickets.tickets_of(self.account))
        return waiting or self.known.has_numbered_mails(self.account)

    def missing(self, ids: Sequence[str]) -> list[str]:
        """Return those of these mails that are neither stored nor on their way nor dead, in their order."""
        stored = self.stored(ids)
        unknown = [each for each in ids if each not in stored or not stored[each].is_stored]
        busy = self.on_its_way(unknown)
        return [each for each in unknown if each not in busy]

    def added(self, mail: RawMessage) -> Envelope:
        """Make the envelope that brings a mail."""
        facts = mail.facts
        return Envelope(
            account=self.account,
            source=KIND,
            source_id=facts.id,
            kind=Kind.ADDED,
            place=Place(MAILBOX),
            fetched_at=self.clock.now(),
            labels=tuple(sorted(facts.label_ids)),
            received_at=facts.received_at,
            raw=mail.raw,
            size_bytes=len(mail.raw),
            gmail=GmailIds(facts.id, facts.thread_id, str(facts.history_id), tuple(sorted(facts.label_ids))),
            force=True,  # the database was asked: that it was published lately is no answer
        )

    def changed(self, message_id: str, thread_id: str, labels: Iterable[str], history_id: int = 0) -> Envelope:
        """Make the envelope that tells a mail's labels as they are now."""
        told = tuple(sorted(labels))
        return Envelope(
            account=self.account,
            source=KIND,
            source_id=message_id,
            kind=Kind.CHANGED,
            place=Place(MAILBOX),
            fetched_at=self.clock.now(),
            labels=told,
            gmail=GmailIds(message_id, thread_id, str(history_id) if history_id else "", told),
        )

    def deleted(self, message_id: str) -> Envelope:
        """Make the envelope that tells that a mail is gone for good."""
        return Envelope(
            account=self.account,
            source=KIND,
            source_id=message_id,
            kind=Kind.DELETED,
            place=Place(MAILBOX),
            fetched_at=self.clock.now(),
        )

    def failure(self, message_id: str, error: IngestError) -> Failure:
        """Make what goes to the dead letters of a mail that the API cannot give."""
        envelope = Envelope(
            account=self.account,
            source=KIND,
            source_id=message_id,
            kind=Kind.ADDED,
            place=Place(MAILBOX),
            fetched_at=self.clock.now(),
        )
        return Failure(envelope, error.code, str(error))


def known_mails(visit: Visit) -> Iterator[KnownMail]:
    """Walk what the database knows of the account's mails at Gmail, by whatever way they came."""
    return (mail for mail in visit.known.known_mails(visit.account) if is_gmail_id(mail.source_id))


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
