"""History: what pages of the mailbox's history mean, mail by mail, and what is said of it.

A page is folded first: of each mail only how the page leaves it counts. A change of labels costs no fetch, since the
history tells the labels that result; a mail that is not known although only its labels changed is fetched as a new one
(it came back from the spam folder, say, that is not read), if the query of the settings finds it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from src.common.errors import GmailRequestError, GmailUnavailableError
from src.common.instruments import GMAIL_HISTORY_GAP
from src.common.logs import account_tag, get_logger
from src.model.cursor import Batch
from src.model.envelope import Envelope
from src.sources.gmail.fetching import fetched, looked_up
from src.sources.gmail.listing import Walks, pages
from src.sources.gmail.position import Position
from src.sources.gmail.visit import Steps, Visit, batch
from src.store.protocol import KnownMail
from src.sync.gmail_values import HistoryRecord, HistoryTooOld, Touched

log = get_logger(__name__)

MOST_FORGOTTEN = 5  # times in one look that the history is gone; a marker lasts for a week, a look seldom for longer


@dataclass(frozen=True, slots=True)
class Change:
    """How some history leaves one mail."""

    id: str
    thread_id: str
    is_deleted: bool
    labels: tuple[str, ...] | None  # None: not told
    history_id: int  # of the last record
    removed: frozenset[str] = frozenset()  # all that were taken off
    is_removal: bool = False  # the last record took labels off
    is_new: bool = False  # it came with these records


def folded(records: Iterable[HistoryRecord]) -> list[Change]:
    """Return the last word on each mail, in the order in which the mails first occur. Pure."""
    found: dict[str, Change] = {}
    for record in records:
        for touched in record.added:
            found[touched.id] = replace(_touched(found.get(touched.id), touched, record.id), is_new=True)
        for put in record.labels_added:
            found[put.message.id] = _touched(found.get(put.message.id), put.message, record.id)
        for taken in record.labels_removed:
            touched = taken.message
            found[touched.id] = _touched(found.get(touched.id), touched, record.id, frozenset(taken.label_ids))
        for touched in record.deleted:
            found[touched.id] = Change(touched.id, touched.thread_id, True, None, record.id)
    return list(found.values())


def _touched(before: Change | None, now: Touched, record_id: int, removed: frozenset[str] = frozenset()) -> Change:
    """Labels that are not told do not stay as they were told before: something changed since."""
    if before is not None and before.is_deleted:  # ids are never given twice, so nothing comes after its deletion
        return before
    removed_before, is_new = (before.removed, before.is_new) if before else (frozenset(), False)
    all_removed = removed_before | removed
    return Change(now.id, now.thread_id, False, now.label_ids, record_id, all_removed, bool(removed), is_new)


def labels_after(change: Change, stored: Iterable[str], *, tells_labels: bool) -> tuple[str, ...] | None:
    """Return the labels that a change leaves, or None if they have to be asked for. Pure.

    The API leaves out the labels of a mail that has none, as it leaves out what it does not tell. So nothing means
    "none" only where this API does tell labels, and all that is `stored` was taken off.
    """
    if change.labels is None and tells_labels and change.is_removal and change.removed.issuperset(stored):
        return ()
    return change.labels


def catch_up(visit: Visit, position: Position) -> Steps:
    """Say all that happened since `position`, page by page, and return the position at the history's end.

    `startHistoryId` stays the same over all pages, and the new marker is the first page's: a later one's would skip
    what came during the walk. A walk that an earlier process began ends where the history ended then, so another one
    follows. Raises GmailUnavailableError when its page tokens are refused, or its markers forgotten, again
    and again.
    """
    is_taken_over = bool(position.history_page)
    walks = Walks(visit, "the history")
    while True:
        page = position.history_page or None
        try:
            told = visit.api.history(position.history_id, page=page)
        except GmailRequestError as error:
            if page is None:
                raise
            walks.begin_anew(error)
            position = position.at(position.history_id)
            continue
        if isinstance(told, HistoryTooOld):
            return (yield from _begin_anew(visit, position))
        visit.tells_labels = visit.tells_labels or _tells_labels(told.records)
        if visit.label_names.lacks(told.records):
            visit.learn_label_names()
        marker = position.history_next or told.history_id
        _tell_gap(visit, marker - position.history_id)
        after = position.on_page(told.next_page, marker) if told.next_page else position.at(marker)
        yield from said(visit, folded(told.records), position, after)
        position = after
        if not told.next_page and is_taken_over:
            is_taken_over = False
        elif not told.next_page:
            _tell_gap(visit, 0)
            visit.live_at = visit.clock.monotonic()
            return position


def _begin_anew(visit: Visit, position: Position) -> Steps:
    """Google forgot the history from here on: pin a new marker, then list everything, then compare everything.

    Raises GmailUnavailableError when it forgets each marker again: to list everything for ever would help nobody.
    """
    visit.times_forgotten += 1
    if visit.times_forgotten > MOST_FORGOTTEN:
        raise GmailUnavailableError(f"the history was gone {visit.times_forgotten} times in one look, new markers too")
    marker = visit.api.profile().history_id
    log.warning("gmail_history_too_old", account=account_tag(visit.account))
    position = position.begun(marker, is_unsure=True)
    yield batch(position)
    visit.live_at = visit.clock.monotonic()
    return position


def said(visit: Visit, changes: Sequence[Change], before: Position, after: Position) -> Iterator[Batch]:
    """Yield batches that say the changes; the last one's cursor is `after`, the others' is `before`."""
    news = _sorted_out(visit, changes)
    wanted = news.new + _asked(visit, news.relabelled)
    yield from _in_parts(visit, news.envelopes, before)
    for facts in looked_up(visit, news.unlabelled, use="live"):
        yield batch(before, [visit.changed(each.id, each.thread_id, each.label_ids, each.history_id) for each in facts])
    for haul in fetched(visit, wanted, use="live"):
        yield batch(before, haul.envelopes, haul.failures)
    yield batch(after)


@dataclass(slots=True)
class _News:
    """What some changes mean."""

    envelopes: list[Envelope] = field(default_factory=list)  # to be said as they are
    unlabelled: list[str] = field(default_factory=list)  # known mails whose labels the history does not tell
    new: list[str] = field(default_factory=list)  # to be fetched
    relabelled: list[str] = field(default_factory=list)  # not known: to be fetched if the query finds them


def _sorted_out(visit: Visit, changes: Sequence[Change]) -> _News:
    ids = [change.id for change in changes]
    stored = visit.stored(ids) if ids else {}
    is_stored = {each for each in ids if each in stored and stored[each].is_stored}
    busy = visit.on_its_way([each for each in ids if each not in is_stored])
    news = _News()
    for change in changes:
        is_known = change.id in is_stored or change.id in busy
        if change.is_deleted:
            news.envelopes += [visit.deleted(change.id)] if is_known or change.id in stored else []
        elif is_known:
            labels = _labels_told(visit, change, stored.get(change.id))
            if labels is None:
                news.unlabelled.append(change.id)
            else:
                news.envelopes.append(visit.changed(change.id, change.thread_id, labels, change.history_id))
        elif change.labels is None or visit.wanted.takes(change.labels):
            (news.new if change.is_new else news.relabelled).append(change.id)
    return news


def _asked(visit: Visit, ids: Sequence[str]) -> list[str]:
    """Return those of these mails that the query finds: who relabels all old mails does not have them all fetched."""
    if not visit.wanted.query:
        return list(ids)
    left = set(ids)
    walk = pages(visit, query=visit.wanted.query, use="live") if left else iter(())
    for page in walk:
        left.difference_update(page)
        if not left:
            break
    return [each for each in ids if each not in left]


def _labels_told(visit: Visit, change: Change, stored: KnownMail | None) -> tuple[str, ...] | None:
    return labels_after(change, stored.labels, tells_labels=visit.tells_labels) if stored else change.labels


def _tells_labels(records: Iterable[HistoryRecord]) -> bool:
    changes = (change for record in records for change in (*record.labels_added, *record.labels_removed))
    return any(change.message.label_ids for change in changes)


def _in_parts(visit: Visit, envelopes: Sequence[Envelope], position: Position) -> Iterator[Batch]:
    for start in range(0, len(envelopes), visit.limits.batch_mails):
        yield batch(position, envelopes[start : start + visit.limits.batch_mails])


def _tell_gap(visit: Visit, ids: int) -> None:
    GMAIL_HISTORY_GAP.labels(account=account_tag(visit.account)).set(max(ids, 0))
