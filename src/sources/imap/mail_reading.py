"""read_mails: brings mails by UID, in hauls of bounded size, whatever single mails do to the connection.

The wire keeps its two commands in flight across hauls; it is fed UIDs from an iterator, which is stopped when a big
mail shows up (that one is read in slices, for which the session must be free) or a suspect is to be asked for alone.
Failure policy: when the wire breaks, what came is handed out, the first mail that did not come is noted as suspect, and
the error goes on. A mail that is hopeless (suspects.py) becomes a Failure.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from src.common.errors import MailTooLargeError, MailUnfetchableError, SourceRefusedError, SourceUnavailableError
from src.imap.answers import FetchedMail, GoneMail, LargeMail, MailFacts
from src.model.cursor import Failure
from src.model.envelope import Envelope
from src.sources.imap.limits import Limits
from src.sources.imap.remote_raw import RemoteRaw
from src.sources.imap.visit import Visit

CONTROLS = 3  # neighbours on each side that may prove the server well


@dataclass(frozen=True, slots=True)
class Haul:
    """Some of the mails asked for."""

    envelopes: tuple[Envelope, ...]
    failures: tuple[Failure, ...]
    done_to: int  # every UID asked for up to here was in this or an earlier haul, or is gone; 0: not even the first


class _Feed:
    """Hands out UIDs and knows which are still owed."""

    def __init__(self, uids: Iterable[int]) -> None:
        self._uids = iter(uids)
        self._next: int | None = next(self._uids, None)
        self._owed: deque[int] = deque()
        self._answered: set[int] = set()
        self._is_stopped = False
        self.done_to = 0

    @property
    def next_uid(self) -> int | None:
        """The UID that would be handed out next; None: all were."""
        return self._next

    @property
    def first_owed(self) -> int:
        """The least UID handed out and not answered; before any was, the next one."""
        return self._owed[0] if self._owed else self._next or 0

    def take(self, limit: int | None) -> Iterator[int]:
        """Hand out UIDs, at most `limit`, until `stop`."""
        self._is_stopped = False
        handed = 0
        while self._next is not None and not self._is_stopped and (limit is None or handed < limit):
            uid, self._next = self._next, None
            self._owed.append(uid)
            self._next = next(self._uids, None)
            handed += 1
            yield uid

    def stop(self) -> None:
        """Hand out no more for now."""
        self._is_stopped = True

    def answer(self, uid: int) -> None:
        """This one is done with."""
        owed, answered = self._owed, self._answered
        if owed and owed[0] == uid:  # nearly always: answers come in order
            self.done_to = owed.popleft()
        else:
            answered.add(uid)
        while owed and answered and owed[0] in answered:
            self.done_to = owed.popleft()
            answered.discard(self.done_to)


@dataclass(slots=True)
class _Hold:
    """What has come and was not handed out yet."""

    envelopes: list[Envelope] = field(default_factory=list)
    size_bytes: int = 0

    def take(self, envelope: Envelope) -> None:
        self.envelopes.append(envelope)
        self.size_bytes += envelope.size_bytes

    def is_full(self, limits: Limits) -> bool:
        return len(self.envelopes) >= limits.batch_mails or self.size_bytes >= limits.batch_bytes

    def hand_out(self, done_to: int) -> Haul:
        haul = Haul(tuple(self.envelopes), (), done_to)
        self.envelopes, self.size_bytes = [], 0
        return haul


def read_mails(visit: Visit, uids: Iterable[int], *, force_to: int = 0) -> Iterator[Haul]:
    """Yield the mails of `uids`, which ascend; those up to `force_to` are to be published even if known.

    The last haul's `done_to` covers all of them. Raises SourceUnavailableError or SourceRefusedError.
    """
    feed = _Feed(uids)
    while feed.next_uid is not None:
        if visit.suspects.is_hopeless(feed.next_uid):
            yield _give_up(visit, feed)
        else:
            yield from _one_run(visit, feed, force_to)
    yield Haul((), (), feed.done_to)


def _one_run(visit: Visit, feed: _Feed, force_to: int) -> Iterator[Haul]:
    if visit.suspects.needs_proof(feed.next_uid or 0):
        _prove_server_well(visit, feed.next_uid or 0)
    hold = _Hold()
    large: list[MailFacts] = []
    broken: SourceUnavailableError | SourceRefusedError | None = None
    try:
        for answer in visit.session.fetch_mails(feed.take(visit.suspects.window), large_bytes=visit.limits.spool_bytes):
            if type(answer) is FetchedMail:
                hold.take(visit.added(answer.facts, answer.raw, force=answer.uid <= force_to))
                feed.answer(answer.uid)
                if hold.is_full(visit.limits):
                    yield hold.hand_out(feed.done_to)
            elif isinstance(answer, LargeMail):
                large.append(answer.facts)
                feed.stop()
            elif isinstance(answer, GoneMail):
                feed.answer(answer.uid)
    except (SourceUnavailableError, SourceRefusedError) as cut:
        broken = cut
    if hold.envelopes:
        yield hold.hand_out(feed.done_to)
    if broken is not None:
        visit.suspects.failed_at(feed.first_owed)
        raise broken
    for facts in large:
        yield _large(visit, feed, facts, force=facts.uid <= force_to)
    visit.suspects.run_went_well()


def _large(visit: Visit, feed: _Feed, facts: MailFacts, *, force: bool) -> Haul:
    feed.answer(facts.uid)
    if facts.size_bytes > visit.limits.max_mail_bytes:
        too_large = MailTooLargeError(
            f"a mail of {facts.size_bytes} bytes is above the limit of {visit.limits.max_mail_bytes}; "
            "raise MAX_MAIL_BYTES and purge this dead letter, and the next comparison brings the mail"
        )
        return Haul((), (_failure(visit, facts, too_large),), feed.done_to)
    raw = RemoteRaw(visit.session, facts.uid, facts.size_bytes, on_failure=lambda: visit.suspects.failed_at(facts.uid))
    return Haul((visit.added(facts, raw, force=force),), (), feed.done_to)


def _give_up(visit: Visit, feed: _Feed) -> Haul:
    uid = next(feed.take(1))
    feed.answer(uid)
    visit.suspects.run_went_well()
    error = MailUnfetchableError("the server failed at each try to give this mail, while it gave its neighbours")
    facts = MailFacts(uid=uid, size_bytes=0, received_at=None, flags=())
    return Haul((), (_failure(visit, facts, error),), feed.done_to)


def _failure(visit: Visit, facts: MailFacts, error: MailTooLargeError | MailUnfetchableError) -> Failure:
    envelope = visit.added(facts, b"", force=False)
    return Failure(envelope, error.code, str(error))


def _prove_server_well(visit: Visit, suspect: int) -> None:
    """Fetch another mail, or raise as the server does. Each call takes another neighbour: one may be bad as well."""
    neighbours = _neighbours(visit, suspect)
    if not neighbours:
        return
    control = neighbours[visit.suspects.failed_controls % len(neighbours)]
    try:
        next(visit.session.fetch_slices(control), b"")
    except (SourceUnavailableError, SourceRefusedError):
        visit.suspects.control_failed()
        raise
    visit.suspects.server_is_proven()


def _neighbours(visit: Visit, suspect: int) -> list[int]:
    after = islice(visit.session.search_uids(suspect + 1), CONTROLS)
    before = visit.session.search_uids(1, suspect - 1) if suspect > 1 else ()
    return [*after, *deque(before, maxlen=CONTROLS)]
