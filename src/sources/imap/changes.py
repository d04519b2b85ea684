"""Changes: flags, and with QRESYNC deletes, since the last look (CONDSTORE and QRESYNC, RFC 7162).

Vanished UIDs come first, for they have no MODSEQ to checkpoint by; then flags in ascending MODSEQ. What a server cannot
tell, or tells in an odd way (HIGHESTMODSEQ went down), is left to the reconcile, which is made due.
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
        return replace(position, modseq=0)
    if position.last_uid == 0:
        return replace(position, modseq=highest)
    if not 0 < position.modseq <= highest:
        if position.modseq:
            _log.warning("modseq_went_down", account_tag=account_tag(visit.account), had=position.modseq, has=highest)
        return replace(position, modseq=highest, last_reconcile=None)
    if position.modseq == highest:
        return position
    report = visit.session.fetch_flags(
        UidSet(((1, position.last_uid),)), changed_since=position.modseq, vanished=visit.session.has_qresync
    )
    position = yield from _vanished(visit, position, report.vanished.within(1, position.last_uid))
    position = yield from _changed(visit, position, [one for one in report.changes if one.uid <= position.last_uid])
    return replace(position, modseq=highest)


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


def _changed(visit: Visit, position: Position, told: Sequence[FlagChange]) -> Steps:
    size = min(visit.limits.batch_mails, CHUNK)
    for start in range(0, len(told), size):
        part = told[start : start + size]
        envelopes = changed_envelopes(visit, part)
        last, following = part[-1].modseq or 0, told[start + size].modseq or 0 if start + size < len(told) else 0
        if last and following > last:  # several mails may share one MODSEQ: never stop among them
            position = replace(position, modseq=max(position.modseq, last))
        yield batch(position, envelopes, remaining=len(told) - start - len(part))
    return position


def changed_envelopes(visit: Visit, told: Sequence[FlagChange]) -> list[Envelope]:
    """Make the envelopes for new labels; at Gmail the ids are asked for, and what is gone meanwhile is left out."""
    if visit.session.has_gmail:
        return [visit.changed(facts) for facts in visit.session.describe([one.uid for one in told])]
    visit.ids.learn([one.uid for one in told])
    return [visit.changed(one) for one in told]
