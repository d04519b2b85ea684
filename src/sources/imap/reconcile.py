"""Reconcile: compare the mailbox as a whole with the database, and publish the difference.

The routine census and repair; on servers without QRESYNC also how deletes are found, and without CONDSTORE flags.
First all of the server's list, then all of the database's, then the difference: the walk of the database is short, and
nothing is published from half a list. What the server has above `last_uid` is catch-up's.

| server | database | what follows |
| --- | --- | --- |
| has it | stored, the same labels | nothing |
| has it | other labels, or marked deleted | CHANGED |
| has it | not stored | fetched and published, unless on its way or dead |
| lacks it | living | DELETED; at Gmail only if it is in no other mailbox |
| | told of through the Gmail API last | see `strays.py` |

Where the database is ahead of the clock, the version is told with the news, see `versions.py`.
"""

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from src.common.logs import account_tag, get_logger
from src.imap.answers import MailFacts
from src.imap.uid_set import UidSet
from src.model.envelope import Envelope
from src.sources.imap.catch_up import chunks, envelope_batches, known_at_gmail, missing_here
from src.sources.imap.changes import changed_envelopes
from src.sources.imap.gmail import Found
from src.sources.imap.ids import is_gmail_id
from src.sources.imap.listing import Listing, all_uids, label_digest
from src.sources.imap.mail_reading import read_mails
from src.sources.imap.position import Position
from src.sources.imap.renumbering import renumber
from src.sources.imap.strays import tell_strays
from src.sources.imap.visit import Steps, Visit, batch
from src.sources.versions import clock_version, newer_than, version_ahead
from src.store.protocol import KnownMail

_log = get_logger(__name__)


def _uids() -> "array[int]":
    return array("Q")


@dataclass(slots=True)
class _Difference:
    missing: "array[int]" = field(default_factory=_uids)  # the server has them, the database does not
    changed: "array[int]" = field(default_factory=_uids)  # other labels, or marked deleted
    vanished: "array[int]" = field(default_factory=_uids)  # the database has them, the server does not
    stale: defaultdict[int, "array[int]"] = field(default_factory=lambda: defaultdict(_uids))  # living, under another
    # UIDVALIDITY, by that: after a renumbering at Gmail these may be all mails, so only their UIDs are held
    ahead: dict[int, int] = field(
        default_factory=dict
    )  # of the changed: UID to version, where it is ahead of the clock


def reconcile(visit: Visit, position: Position, pause: Callable[[float], bool]) -> Steps:
    """Publish what differs, and note when that was."""
    started_at = visit.clock.now()
    found = _compare(visit, position)
    if any((found.missing, found.changed, found.vanished, found.stale)):
        _log.info(
            "mailbox_differs",
            account_tag=account_tag(visit.account),
            missing=len(found.missing),
            changed=len(found.changed),
            vanished=len(found.vanished),
            stale=sum(map(len, found.stale.values())),
        )
    if found.stale and not visit.session.has_gmail:
        return (yield from renumber(visit, position, pause))
    for chunk in chunks(found.changed, visit.limits.batch_mails):
        told = visit.session.fetch_flags(UidSet.of(chunk)).changes
        envelopes = changed_envelopes(visit, told)
        yield batch(position, [newer_than(found.ahead.get(one.place.uid, 0), one) for one in envelopes])
    yield from _bring_missing(visit, position, found.missing)
    yield from _tell_vanished(visit, position, found)
    if visit.session.has_gmail:
        yield from tell_strays(visit, position)
    return replace(position, last_reconcile=started_at)


def _compare(visit: Visit, position: Position) -> _Difference:
    listing = Listing(visit.session, all_uids(visit))
    found = _Difference()
    now = clock_version(visit.clock)
    for mail in visit.known_here():
        uid = mail.place.uid
        if mail.place.uidvalidity != visit.uidvalidity:
            if not mail.is_deleted:
                found.stale[mail.place.uidvalidity].append(uid)
            continue
        digest = listing.tick(uid) if mail.is_stored else listing.get(uid)
        if digest is None:
            if not mail.is_deleted:
                found.vanished.append(uid)
        elif mail.is_stored and (mail.is_deleted or digest != label_digest(mail.labels)):
            found.changed.append(uid)
            if mail.version >= now:
                found.ahead[uid] = mail.version
    found.missing = listing.unticked(up_to=position.last_uid)
    return found


def _bring_missing(visit: Visit, position: Position, uids: "array[int]") -> Steps:
    for chunk in chunks(uids):
        visit.ids.learn(chunk)
        if visit.session.has_gmail:
            facts = [one for one in visit.session.describe(chunk) if one.gmail is not None]
            known = known_at_gmail(visit, facts)
            for some in envelope_batches(visit, _told_again(visit, facts, known)):
                yield batch(position, some)
            wanted = [uid for uid in chunk if uid not in known]
        else:
            wanted = missing_here(visit, chunk)
        for haul in read_mails(visit, wanted, force_to=position.last_uid):
            if haul.envelopes or haul.failures:
                yield batch(position, haul.envelopes, haul.failures)
    return position


def _told_again(visit: Visit, facts: Sequence[MailFacts], known: Mapping[int, int]) -> Iterator[Envelope]:
    """Yield the news of those mails that are known, with their versions where these are ahead."""
    for one in facts:
        if one.uid in known:
            yield newer_than(known[one.uid], visit.changed(one))


def _tell_vanished(visit: Visit, position: Position, found: _Difference) -> Steps:
    for uidvalidity, uids in [(visit.uidvalidity, found.vanished), *found.stale.items()]:
        for chunk in chunks(uids, visit.limits.batch_mails):
            known = visit.known.find_by_uids(visit.account, visit.mailbox, uidvalidity, chunk)
            living = [mail for mail in known.values() if not mail.is_deleted]  # a worker may have been quicker
            if living:
                yield batch(position, _farewells(visit, living))
    return position


def _farewells(visit: Visit, mails: Sequence[KnownMail]) -> list[Envelope]:
    asked = [mail.source_id for mail in mails if is_gmail_id(mail.source_id)] if visit.session.has_gmail else []
    found = visit.whereabouts.find(asked)
    return [
        newer_than(version_ahead(mail, visit.clock), _farewell(visit, mail, found.get(mail.source_id)))
        for mail in mails
    ]


def _farewell(visit: Visit, mail: KnownMail, found: Found | None) -> Envelope:
    if found is None:
        return visit.deleted(mail.source_id, mail.place)
    return visit.changed_at(found)
