"""One look at a mailbox: the order in which it is read. Each line of `look` opens into a file."""

from collections.abc import Callable
from dataclasses import replace

from src.common.logs import account_tag, get_logger
from src.imap.uid_set import MAX_UID
from src.sources.imap.catch_up import catch_up
from src.sources.imap.changes import changes
from src.sources.imap.position import Position
from src.sources.imap.reconcile import reconcile
from src.sources.imap.renumbering import finish_settling, other_numbering, renumber
from src.sources.imap.strays import strays
from src.sources.imap.visit import Steps, Visit, batch

_log = get_logger(__name__)


def look(visit: Visit, known_position: Position | None, pause: Callable[[float], bool]) -> Steps:
    """Read from `known_position` (None: the cursor is lost) until nothing is new; the last batch is `caught_up`."""
    position = known_position or _position_without_cursor(visit)
    if known_position is None and position.uidvalidity != visit.uidvalidity:
        yield batch(position)  # the next look knows what to expect, and doubts the server until it has looked twice
        return position
    if position.uidvalidity != visit.uidvalidity:
        return (yield from _carry_over(visit, position, pause))
    visit.ids.resolve_to = position.resolve_to
    if position.settling:
        position = yield from finish_settling(visit, position, pause)
    if position.is_to_be_read_again:
        position = replace(position, read_again_to=visit.session.search_uids().last)
    position = yield from changes(visit, position)
    position = yield from catch_up(visit, position)
    if position.reconcile_is_due(visit.clock.now(), visit.limits.reconcile_interval_s):
        yield batch(position)  # the producer reads one batch ahead: what it holds must be on the stream by now
        position = yield from reconcile(visit, position, pause)
    yield batch(position, caught_up=not position.settling, remaining=0)
    return position


def _carry_over(visit: Visit, position: Position, pause: Callable[[float], bool]) -> Steps:
    if visit.session.has_gmail:  # its ids do not depend on numbers: what is known is told as moved
        position = _compare_from_start(visit)
    else:
        position = yield from renumber(visit, position, pause)
    yield batch(position)
    return position


def _position_without_cursor(visit: Visit) -> Position:
    numbering = 0 if visit.session.has_gmail else other_numbering(visit)
    if numbering:
        return Position(uidvalidity=numbering, compare_to=MAX_UID, resolve_to=MAX_UID)
    return _compare_from_start(visit)


def _compare_from_start(visit: Visit) -> Position:
    """Begin at the first UID, and fetch only what is missing. What was never read before needs no comparing after."""
    is_known = any(True for _ in visit.known_here()) or (visit.session.has_gmail and any(True for _ in strays(visit)))
    last = visit.session.search_uids().last
    _log.info("mailbox_read_from_start", account_tag=account_tag(visit.account), is_known=is_known, last_uid=last)
    return Position(
        uidvalidity=visit.uidvalidity,
        modseq=visit.selected.highestmodseq or 0,
        last_reconcile=None if is_known else visit.clock.now(),
        compare_to=last,
        resolve_to=last if is_known else 0,
        was_empty=last == 0,
    )
