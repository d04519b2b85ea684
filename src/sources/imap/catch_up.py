"""Catch-up: every mail above `last_uid`, in ascending order of UID, with a checkpoint at each batch.

While the cursor was lost (`compare_to`), mails that the database or the stream has are not fetched again. At Gmail this
holds always, for a mail that moves from one mailbox to another shows up as new: it is described first, and told as
changed if it is known.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TypeVar

from src.imap.answers import MailFacts
from src.model.envelope import Envelope
from src.sources.imap.ids import gmail_id
from src.sources.imap.limits import CHUNK
from src.sources.imap.mail_reading import read_mails
from src.sources.imap.position import Position
from src.sources.imap.visit import Steps, Visit, batch
from src.sources.versions import newer_than, version_ahead

Item = TypeVar("Item")


def catch_up(visit: Visit, position: Position) -> Steps:
    """Read what is new, and end with nothing forced or compared any more."""
    new = visit.session.search_uids(position.last_uid + 1)
    if visit.session.has_gmail:
        position = yield from _read_described(visit, position, new, left=len(new))
    else:
        position = yield from _read(visit, position, _wanted(visit, position, new), left=len(new))
    last_uid = max(position.last_uid, new.last)
    return replace(position, last_uid=last_uid, compare_to=0, read_again_to=0, was_empty=last_uid == 0)


def _read(visit: Visit, position: Position, uids: Iterable[int], *, left: int) -> Steps:
    for haul in read_mails(visit, uids, force_to=position.force_to):
        position = replace(position, last_uid=max(position.last_uid, haul.done_to))
        if haul.envelopes or haul.failures:
            left -= len(haul.envelopes) + len(haul.failures)
            yield batch(position, haul.envelopes, haul.failures, remaining=max(left, 0))
    return position


def chunks(items: Iterable[Item], size: int = CHUNK) -> Iterator[list[Item]]:
    """Cut an iterable into lists of at most `size`."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def _wanted(visit: Visit, position: Position, uids: Iterable[int]) -> Iterator[int]:
    """Leave out what is known, as far as the cursor was lost; read ahead while mails are under way, so no commands."""
    is_compared = position.compare_to > 0 and any(True for _ in visit.known_here())
    if not is_compared and not position.resolve_to:
        yield from uids
        return
    for chunk in chunks(uids):
        visit.ids.learn(chunk)
        if is_compared and chunk[0] <= position.compare_to:
            yield from missing_here(visit, chunk)
        else:
            yield from chunk


def missing_here(visit: Visit, uids: Sequence[int]) -> list[int]:
    """Return those of `uids` whose mails are neither stored, nor on their way, nor dead. Not for Gmail.

    The stream is asked before the database: a mail settled in between is then seen in one of them.
    """
    busy = dict(zip(uids, visit.on_its_way_or_dead([visit.ids.of(uid) for uid in uids]), strict=True))
    known = visit.known.find_by_uids(visit.account, visit.mailbox, visit.uidvalidity, uids)
    return [uid for uid in uids if not busy[uid] and not (uid in known and known[uid].is_stored)]


def _read_described(visit: Visit, position: Position, uids: Iterable[int], *, left: int) -> Steps:
    for chunk in chunks(uids):
        facts = list(visit.session.describe(chunk))
        visit.ids.learn_facts(facts)
        told = [one for one in facts if one.gmail is not None and one.uid > position.read_again_to]
        known = known_at_gmail(visit, told) if told else {}
        moved = [newer_than(known[one.uid], visit.changed(one)) for one in told if one.uid in known]
        for some in envelope_batches(visit, moved):
            yield batch(position, some, remaining=left)
        unknown = [uid for uid in chunk if uid not in known]
        position = yield from _read(visit, position, unknown, left=left - len(moved))
        left -= len(chunk)
        position = replace(position, last_uid=max(position.last_uid, chunk[-1]))
    return position


def known_at_gmail(visit: Visit, facts: Sequence[MailFacts]) -> dict[int, int]:
    """Return the UIDs of mails that are stored, on their way or dead, wherever they lay when that was told.

    With each its version in the database, where that is ahead of the clock; else 0.
    """
    ids = [gmail_id(one.gmail.message_id) for one in facts if one.gmail is not None]
    busy = visit.on_its_way_or_dead(ids)
    known = visit.known.find_by_source_ids(visit.account, ids)
    return {
        one.uid: version_ahead(known.get(source_id), visit.clock)
        for one, source_id, is_busy in zip(facts, ids, busy, strict=True)
        if is_busy or (source_id in known and known[source_id].is_stored)
    }


def envelope_batches(visit: Visit, envelopes: Iterable[Envelope]) -> Iterator[list[Envelope]]:
    """Cut envelopes that bring no mail into lists that fit a batch."""
    rest = iter(envelopes)
    while part := list(islice(rest, visit.limits.batch_mails)):
        yield part
