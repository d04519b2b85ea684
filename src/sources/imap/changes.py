"""Changes: flags, and with QRESYNC deletes, since the last look (CONDSTORE and QRESYNC, RFC 7162).

Read in ranges of ascending UIDs, so that a million changes at once are never held; in each, vanished UIDs come first.
The checkpoint within is the UID: everything up to `changed_to` was told as it stood when the highest MODSEQ was
`changed_modseq`, or later. Only when all ranges are done does `modseq` move there, never to what is the highest by
then: a change that came behind our back, in a range already told, has a greater one, and is found by the next look.
What a server cannot tell, or tells oddly (HIGHESTMODSEQ went down), is left to the reconcile, which is made due.
"""

from collections.abc import Sequence
from dataclasses import replace

from src.common.logs import account_tag, get_logger
from src.imap.answers import FlagChange
from src.imap.uid_set import UidSet
from src.model.envelope import Envelope
from src.sources.imap.catch_up import chunks
from src.sources.imap.limits import CHUNK, MAX_VANISHED
from src.sources.imap.position import Position
from src.sources.imap.visit import Steps, Visit, batch
from src.sources.versions import newer_than, version_ahead

_log = get_logger(__name__)


def changes(visit: Visit, position: Position) -> Steps:
    """Tell what changed among the mails up to `last_uid`."""
    highest = visit.selected.highestmodseq or 0
    if not (visit.session.has_condstore and highest):
        return _done(position, 0)
    if position.last_uid == 0:
        return _done(position, highest)
    goal = position.changed_modseq or highest
    if not 0 < position.modseq <= goal <= highest:
        if position.modseq:
            _log.warning("modseq_went_down", account_tag=account_tag(visit.account), had=position.modseq, has=highest)
        return replace(_done(position, highest), last_reconcile=None)
    if position.modseq == highest:
        return position
    is_begun = position.changed_modseq and position.changed_to <= position.last_uid
    position = replace(position, changed_modseq=goal, changed_to=position.changed_to if is_begun else 0)
    while position.changed_to < position.last_uid:
        position = yield from _window(visit, position)
    position = _done(position, goal)
    return position if goal == highest else (yield from changes(visit, position))


def _done(position: Position, modseq: int) -> Position:
    return replace(position, modseq=modseq, changed_to=0, changed_modseq=0)


def _window(visit: Visit, position: Position) -> Steps:
    """Tell what changed in the next range of UIDs, ascending."""
    first, last = position.changed_to + 1, min(position.changed_to + visit.limits.flag_window, position.last_uid)
    report = visit.session.fetch_flags(
        UidSet(((first, last),)), changed_since=position.modseq, vanished=visit.session.has_qresync
    )
    position = yield from _vanished(visit, position, report.vanished.within(first, last))
    told = sorted((one for one in report.changes if first <= one.uid <= last), key=lambda one: one.uid)
    left = len(told)
    for part in chunks(told, min(visit.limits.batch_mails, CHUNK)):
        left -= len(part)
        position = replace(position, changed_to=part[-1].uid)
        yield batch(position, changed_envelopes(visit, part), remaining=left)
    return replace(position, changed_to=last)


def _vanished(visit: Visit, position: Position, uids: UidSet) -> Steps:
    if len(uids) > MAX_VANISHED:  # some servers name every UID that is not there, also those that never were
        return replace(position, last_reconcile=None)
    for chunk in chunks(uids):
        envelopes = _farewells(visit, chunk)
        if envelopes:
            yield batch(position, envelopes)
    return position


def _farewells(visit: Visit, uids: Sequence[int]) -> list[Envelope]:
    """Tell the deletion of those of `uids` that a living mail had; the stream is asked before the database."""
    visit.ids.learn([] if visit.session.has_gmail else uids)
    busy = visit.on_its_way_or_dead([visit.ids.of(uid) for uid in uids])
    known = visit.known.find_by_uids(visit.account, visit.mailbox, visit.uidvalidity, uids)
    found: list[Envelope] = []
    for uid, is_busy in zip(uids, busy, strict=True):
        mail = known.get(uid)
        if mail is not None and not mail.is_deleted:
            gone = visit.deleted(mail.source_id, visit.place(uid))
            found.append(newer_than(version_ahead(mail, visit.clock), gone))
        elif mail is None and is_busy:
            found.append(visit.deleted(visit.ids.of(uid), visit.place(uid)))
    return found


def changed_envelopes(visit: Visit, told: Sequence[FlagChange]) -> list[Envelope]:
    """Make the envelopes for new labels; at Gmail the ids are asked for, and what is gone meanwhile is left out."""
    if visit.session.has_gmail:
        return [visit.changed(facts) for facts in visit.session.describe([one.uid for one in told])]
    visit.ids.learn([one.uid for one in told])
    return [visit.changed(one) for one in told]
