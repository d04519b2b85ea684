"""Look: the order of steps in which an account is read.

marker      first of all, and stored before anything is listed: what comes during the walk is in the history
history     new mail, changes and deletes; ahead of all old mail, and again every minute meanwhile
backfill    the list of all mails, newest first, until its end; anew when other mails are asked for than before
compare     ids and labels of the whole mailbox, if the database may be wrong, or once a day
"""

from collections.abc import Iterator

from src.model.cursor import Batch
from src.sources.gmail.backfill import backfill
from src.sources.gmail.comparing import compare
from src.sources.gmail.history import catch_up
from src.sources.gmail.position import Position
from src.sources.gmail.visit import Visit, batch


def look(visit: Visit, position: Position) -> Iterator[Batch]:
    """Read on from `position` until nothing is new; the last batch says so."""
    if not position.history_id:
        position = _begun(visit)
        yield batch(position)
    position = position.asked_for(visit.wanted.mark)
    position = yield from catch_up(visit, position)
    if visit.label_names.by_id is None:
        visit.learn_label_names()
    is_due = _is_compare_due(visit, position)
    while position.is_listing or position.is_unsure or is_due:
        while position.is_listing:
            position = yield from backfill(visit, position)
        if position.is_unsure or is_due:
            is_due = False
            position = yield from compare(visit, position)
            position = yield from catch_up(visit, position)  # the history may be too old by now: all begins anew
    yield batch(position, caught_up=True)


def _begun(visit: Visit) -> Position:
    """Return where to begin. A database that knows nothing needs no comparing: all is brought, and the history told."""
    marker = visit.api.profile().history_id
    knows_mails = visit.was_told_by_imap() or next(iter(visit.known.known_mails(visit.account)), None) is not None
    compared_at = 0 if knows_mails else int(visit.clock.now().timestamp())
    return Position(compared_at=compared_at, wanted=visit.wanted.mark).begun(marker, is_unsure=knows_mails)


def _is_compare_due(visit: Visit, position: Position) -> bool:
    return visit.clock.now().timestamp() - position.compared_at >= visit.limits.compare_every_s
