"""Renumbering: UIDVALIDITY changed. Mails are mapped from old numbers to new, and only what is unknown is fetched.

Order: wait until nothing is on its way; list old (database, dead letters) and new (server); match by key, then by
bytes; publish mapped mails as CHANGED with their old id and new place, new ones as ADDED, the rest as DELETED. The
cursor keeps the old numbering until all of it is published: after a cut or a restart it begins anew, and finds what is
already in place. At the end `settling` is set, for from then on the database must know the new places.
Memory: about 0.5 KB a mail of the mailbox while it lasts. Not for Gmail, whose ids do not depend on numbers.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from src.common.errors import SourceRefusedError, SourceUnavailableError
from src.common.logs import account_tag, get_logger
from src.imap.uid_set import UidSet
from src.model.envelope import Envelope, Kind, Place, RawSlices
from src.model.ticket import Ticket
from src.sources.imap.barrier import wait_until_settled
from src.sources.imap.catch_up import chunks, envelope_batches
from src.sources.imap.listing import all_uids
from src.sources.imap.mail_reading import read_mails
from src.sources.imap.matching import Key, Match, OldMail, key_of, match
from src.sources.imap.position import Position
from src.sources.imap.visit import Steps, Visit, batch
from src.sources.versions import clock_version, newer_than

_log = get_logger(__name__)


def renumber(visit: Visit, position: Position, pause: Callable[[float], bool]) -> Steps:
    """Carry the mailbox over to the numbering it has now."""
    _log.warning(
        "mailbox_renumbered", account_tag=account_tag(visit.account), had=position.uidvalidity, has=visit.uidvalidity
    )
    position = yield from wait_until_settled(visit, position, pause)
    listed = all_uids(visit)
    known = _known_so_far(visit)
    found = match(known.old_mails, _new_mails(visit, listed), placed=UidSet.of(known.placed), taken=known.taken_keys)
    yield from _tell_mapped(visit, position, found, known.ahead)
    yield from _tell_unsure(visit, position, found, known.ahead)
    gone = (
        _newer(known.ahead, visit.deleted(old.source_id, Place(visit.mailbox, old.uidvalidity, old.uid)))
        for old in found.left.values()
    )
    for some in envelope_batches(visit, gone):
        yield batch(position, some)
    return Position(
        uidvalidity=visit.uidvalidity,
        last_uid=listed.last,
        modseq=visit.selected.highestmodseq or 0,
        last_reconcile=visit.clock.now(),
        resolve_to=listed.last,
        was_empty=not listed,
        settling=True,
    )


def finish_settling(visit: Visit, position: Position, pause: Callable[[float], bool]) -> Steps:
    """Wait until the database knows the new places."""
    position = yield from wait_until_settled(visit, position, pause)
    return replace(position, settling=False)


def other_numbering(visit: Visit) -> int:
    """Return a UIDVALIDITY, other than the present one, that living mails or tickets of the mailbox have; else 0."""
    for mail in visit.known_here():
        if not mail.is_deleted and mail.place.uidvalidity != visit.uidvalidity:
            return mail.place.uidvalidity
    for ticket, _ in visit.tickets_here():
        if ticket.place.uidvalidity != visit.uidvalidity:
            return ticket.place.uidvalidity
    return 0


@dataclass(frozen=True, slots=True)
class _KnownSoFar:
    old_mails: list[OldMail]  # under other numbers
    placed: list[int]  # UIDs that are stored or dead under the present numbers
    ahead: dict[str, int]  # of those under other numbers: source id to version, where it is ahead of the clock
    taken_keys: set[Key]  # of stored mails that are in place already: twins of these cannot be told by their key


def _known_so_far(visit: Visit) -> _KnownSoFar:
    """Gather what is known. A dead letter knows its mail's key but not its hash; its row, if any, is a stub."""
    dead = [ticket for ticket, where in visit.tickets_here() if where == "dead"]
    old = {mail.source_id: mail for mail in _old_dead_mails(visit, dead)}
    placed = [ticket.place.uid for ticket in dead if ticket.place.uidvalidity == visit.uidvalidity]
    taken: set[Key] = set()
    ahead: dict[str, int] = {}
    now = clock_version(visit.clock)
    for mail in visit.known_here():
        key = key_of(mail.message_id, mail.size_bytes, mail.received_at) if mail.is_stored else None
        place = mail.place
        if place.uidvalidity == visit.uidvalidity:
            old.pop(mail.source_id, None)
            taken |= {key} if key else set()
            if mail.is_stored or not mail.is_deleted:
                placed.append(place.uid)
        elif not mail.is_deleted and (mail.is_stored or mail.source_id not in old):
            old[mail.source_id] = OldMail(mail.source_id, place.uid, place.uidvalidity, key, mail.sha256)
        if place.uidvalidity != visit.uidvalidity and mail.version >= now:
            ahead[mail.source_id] = mail.version
    return _KnownSoFar(list(old.values()), placed, ahead, taken)


def _old_dead_mails(visit: Visit, dead: Sequence[Ticket]) -> Iterator[OldMail]:
    for ticket in dead:
        place = ticket.place
        if ticket.kind is Kind.ADDED and place.uidvalidity != visit.uidvalidity:
            message_id = ticket.payload.get("message_id")
            key = key_of(message_id if isinstance(message_id, str) else "", ticket.size_bytes, ticket.received_at)
            yield OldMail(ticket.source_id, place.uid, place.uidvalidity, key)


def _new_mails(visit: Visit, uids: UidSet) -> Iterator[tuple[int, Key | None]]:
    for chunk in chunks(uids):
        if not visit.suspects.is_describable(chunk[0]):
            yield from ((uid, None) for uid in chunk)
            continue
        try:
            described = list(visit.session.describe(chunk, message_id=True))
        except (SourceUnavailableError, SourceRefusedError):
            visit.suspects.describing_failed(chunk[0])
            raise
        for facts in described:
            yield facts.uid, key_of(facts.message_id, facts.size_bytes, facts.received_at)


def _newer(ahead: Mapping[str, int], envelope: Envelope) -> Envelope:
    return newer_than(ahead.get(envelope.source_id, 0), envelope)


def _tell_mapped(visit: Visit, position: Position, found: Match, ahead: Mapping[str, int]) -> Steps:
    uids = sorted(found.mapped)
    for chunk in chunks(uids, visit.limits.batch_mails):
        report = visit.session.fetch_flags(UidSet.of(chunk))
        told = [visit.changed(one, found.mapped[one.uid]) for one in report.changes if one.uid in found.mapped]
        yield batch(position, [_newer(ahead, one) for one in told], remaining=len(uids))
    return position


def _tell_unsure(visit: Visit, position: Position, found: Match, ahead: Mapping[str, int]) -> Steps:
    left = len(found.unsure)
    for haul in read_mails(visit, found.unsure, force_to=found.unsure[-1] if found.unsure else 0):
        left -= len(haul.envelopes) + len(haul.failures)
        told = tuple(_newer(ahead, _mapped_or_new(found, envelope)) for envelope in haul.envelopes)
        if told or haul.failures:
            yield batch(position, told, haul.failures, remaining=left)
    return position


def _mapped_or_new(found: Match, envelope: Envelope) -> Envelope:
    twin = found.claim(_sha256(envelope.raw))
    if twin is None:
        return envelope
    return replace(envelope, source_id=twin.source_id, kind=Kind.CHANGED, raw=b"", size_bytes=0, force=False)


def _sha256(raw: bytes | RawSlices) -> str:
    if isinstance(raw, bytes):
        return hashlib.sha256(raw).hexdigest()
    digest = hashlib.sha256()
    for piece in raw:
        digest.update(piece)
    return digest.hexdigest()
