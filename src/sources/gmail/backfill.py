"""Backfill: walk the list of all mails, newest first, and bring those that are neither stored nor on their way.

The cursor moves from page to page. A kill in the midst of a page costs its list of ids once more, five units; no mail
is fetched twice. New mail goes ahead: the history is read every minute meanwhile.
"""

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing

from src.common.errors import GmailRequestError
from src.common.instruments import GMAIL_BACKFILL_ETA, GMAIL_BACKFILL_LEFT
from src.common.logs import account_tag
from src.sources.gmail.fetching import Haul, fetched
from src.sources.gmail.history import catch_up
from src.sources.gmail.id_set import IdSet
from src.sources.gmail.listing import Walks, all_ids
from src.sources.gmail.position import Position
from src.sources.gmail.visit import DRAFT, Steps, Visit, batch
from src.sync.gmail_values import IdPage


def backfill(visit: Visit, position: Position) -> Steps:
    """Walk what is left of the list; return the position behind its end.

    Raises GmailUnavailableError when its page tokens are refused again and again.
    """
    walks = Walks(visit, "the list of all mails")
    left_out = IdSet(() if visit.wanted.drafts else all_ids(visit, label=DRAFT, use="backfill"))
    labelled = _labelled(visit)
    total = visit.api.profile(use="backfill").messages_total if labelled is None else len(labelled)
    while position.is_listing:
        try:
            page = _page(visit, position)
        except GmailRequestError as error:
            if not position.page:
                raise
            walks.begin_anew(error)
            position = position.changed(page="", listed=0)  # and skip what is stored
            continue
        asked = [ref.id for ref in page.messages if labelled is None or ref.id in labelled]
        missing = visit.missing([each for each in asked if each not in left_out])
        listing = position
        position = yield from _brought(visit, position, missing, remaining=max(total - position.listed, len(missing)))
        if (position.page, position.is_listing) == (listing.page, True):
            position = position.past_page(page.next_page, len(asked))
        left = max(total - position.listed, 0) if position.is_listing else 0
        _tell_left(visit, left)
        yield batch(position, remaining=left)
    return position


def _brought(visit: Visit, position: Position, ids: Sequence[str], *, remaining: int) -> Steps:
    """Bring mails, with looks at the history in between; return the position, listing anew if the history was too old.

    Nothing is in hand while the history is read: a mail that was fetched before a change and published behind it would
    undo the change.
    """
    page = position.page
    waiting = deque(ids)
    while waiting:
        with closing(_hauls(visit, until_live_is_due(visit, waiting))) as hauls:
            for haul in hauls:
                remaining = max(remaining - len(haul.envelopes), 0)
                yield batch(position, haul.envelopes, haul.failures, remaining=remaining)
        if visit.is_live_due():
            position = yield from catch_up(visit, position)
            if (position.page, position.is_listing) != (page, True):
                break
            waiting = deque(visit.missing(list(waiting)))
    return position


def until_live_is_due(visit: Visit, waiting: deque[str]) -> Iterator[str]:
    """Take ids off until new mail should be looked for; at least a batch, so that old mail comes at all."""
    taken = 0
    while waiting and (taken < visit.limits.batch_mails or not visit.is_live_due()):
        yield waiting.popleft()
        taken += 1


def _labelled(visit: Visit) -> IdSet | None:
    """Return the mails with one of the wanted labels; None: all are. The API's own filter asks for mails with all."""
    labels = sorted(visit.wanted.label_ids)
    return IdSet(each for label in labels for each in all_ids(visit, label=label, use="backfill")) if labels else None


def _tell_left(visit: Visit, left: int) -> None:
    GMAIL_BACKFILL_LEFT.labels(account=account_tag(visit.account)).set(left)
    GMAIL_BACKFILL_ETA.labels(account=account_tag(visit.account)).set(visit.eta_s(left))


def _page(visit: Visit, position: Position) -> IdPage:
    return visit.api.list_ids(
        page=position.page or None,
        query=visit.wanted.query,
        spam_and_trash=visit.wanted.spam_and_trash,
        use="backfill",
    )


def _hauls(visit: Visit, missing: Iterable[str]) -> Generator[Haul, None, None]:
    yield from fetched(visit, missing, use="backfill")
