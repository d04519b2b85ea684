"""Barrier: nothing is read until the workers have settled all that is on its way from this mailbox.

Needed around a renumbering: a ticket under old numbers and a new one for the same mail would be two mails. It never
blocks for long: each look yields an empty batch that is not caught up, so the producer's loop keeps turning, sees a
shutdown, and renews its lease.
"""

from collections.abc import Callable

from src.common.errors import SettlingAwaitedError
from src.sources.imap.limits import BARRIER_PATIENCE_S
from src.sources.imap.position import Position
from src.sources.imap.visit import Steps, Visit, batch


def wait_until_settled(visit: Visit, position: Position, pause: Callable[[float], bool]) -> Steps:
    """Yield empty batches until no ticket of the mailbox is on its way; the dead ones may stay.

    Raises SettlingAwaitedError after a minute of it: most likely no worker runs.
    """
    yield batch(position)  # the producer reads one batch ahead: when it asks again, all before this one is published
    deadline = visit.clock.monotonic() + BARRIER_PATIENCE_S
    while _is_any_on_its_way(visit):
        if visit.clock.monotonic() >= deadline:
            raise SettlingAwaitedError(
                "the server has renumbered the mailbox, and its mails that are still on the stream must be settled "
                "before reading on: see that a worker runs"
            )
        pause(visit.limits.barrier_poll_s)
        yield batch(position)
    return position


def _is_any_on_its_way(visit: Visit) -> bool:
    return any(where != "dead" for _, where in visit.tickets_here())
