"""Comparing: the whole mailbox with the database, by ids and labels, and what differs is said.

It repairs what a lost history leaves behind (deletes and labels of the gap), and proves every day that nothing drifted.
Nothing is concluded from a part of a list: it is complete, or the walk raises.

The lists of a large mailbox take long, and new mail does not wait for them: see `meanwhile.py`.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice

from src.common.errors import GmailRequestError
from src.common.instruments import GMAIL_DRIFT
from src.common.logs import account_tag, get_logger
from src.model.cursor import Batch
from src.model.envelope import Envelope
from src.sources.gmail.backfill import until_live_is_due
from src.sources.gmail.fetching import fetched
from src.sources.gmail.listing import pages
from src.sources.gmail.meanwhile import Meanwhile
from src.sources.gmail.position import Position
from src.sources.gmail.snapshot import Drift, Listed, Snapshot
from src.sources.gmail.visit import Steps, Visit, batch, known_mails
from src.sync.gmail_values import Label

log = get_logger(__name__)

LOOKED_UP = 500  # mails that the database and the stream are asked for at once


def compare(visit: Visit, position: Position) -> Steps:
    """Say what differs; return the position with the time of this comparison. The history is to be read after it."""
    drift: Counter[Drift] = Counter()
    with closing(Snapshot()) as snapshot:
        meanwhile = Meanwhile(visit, position, snapshot)
        yield from meanwhile.during(filled(visit, snapshot))
        yield from meanwhile.look()  # so that no mail of the list is news
        under_way = visit.under_way()  # first: mails move from the stream into the database
        snapshot.compare(known_mails(visit), under_way)
        if snapshot.has_gone():
            yield from meanwhile.during(_listed_again(visit, snapshot))
        for envelopes in _in_parts(visit, _said(visit, snapshot, drift)):
            yield batch(position, envelopes)
        wanted = _wanted_and_missing(visit, snapshot)
        while ids := list(islice(wanted, LOOKED_UP)):
            yield from _brought(visit, meanwhile, visit.missing(ids), drift)
    _tell(visit, drift)
    position = position.changed(is_unsure=False, compared_at=int(visit.clock.now().timestamp()))
    yield batch(position)
    return position


def filled(visit: Visit, snapshot: Snapshot) -> Iterator[None]:
    """Fill a snapshot with the ids and labels of all mails, drafts included; who walks this may act between pages."""
    labels = visit.api.labels(use="census")
    visit.label_names.learn(labels)
    for label in labels:
        yield from _labelled(visit, snapshot, label)
    if visit.wanted.query:
        for ids in pages(visit, query=visit.wanted.query):
            snapshot.list_asked(ids)
            yield
    for ids in pages(visit):
        snapshot.list_ids(ids)
        yield


def _listed_again(visit: Visit, snapshot: Snapshot) -> Iterator[None]:
    for ids in pages(visit):
        snapshot.list_again(ids)
        yield


def _labelled(visit: Visit, snapshot: Snapshot, label: Label) -> Iterator[None]:
    try:
        for ids in pages(visit, label=label.id):
            snapshot.list_label(label, ids)
            yield
    except GmailRequestError:
        if any(each.id == label.id for each in visit.api.labels(use="census")):
            raise
        snapshot.forget_label(label)  # deleted since the list of labels was asked for


def is_wanted(visit: Visit, mail: Listed) -> bool:
    """Tell whether a mail of the snapshot is to be in the database."""
    return visit.wanted.takes(mail.labels) and (mail.is_asked or not visit.wanted.query)


def _said(visit: Visit, snapshot: Snapshot, drift: Counter[Drift]) -> Iterator[Envelope]:
    for message_id, is_told_anew in snapshot.gone():
        drift[Drift.EXTRA] += not is_told_anew
        yield visit.deleted(message_id)
    for mail in snapshot.other_labels():
        drift[Drift.LABELS] += not mail.is_told_anew  # after a switch from IMAP all are, and nothing is wrong with them
        yield _relabelled(visit, mail)


def _wanted_and_missing(visit: Visit, snapshot: Snapshot) -> Iterator[str]:
    return (mail.id for mail in snapshot.missing() if is_wanted(visit, mail))


def _brought(visit: Visit, meanwhile: Meanwhile, missing: Iterable[str], drift: Counter[Drift]) -> Iterator[Batch]:
    """Bring missing mails. Only what is brought was amiss: a draft that is younger than the list of drafts is not."""
    waiting = deque(missing)
    while waiting:
        for haul in fetched(visit, until_live_is_due(visit, waiting), use="census"):
            drift[Drift.MISSING] += len(haul.envelopes) + len(haul.failures)
            yield batch(meanwhile.position, haul.envelopes, haul.failures)
        yield from meanwhile.look_if_due()
        waiting = deque(visit.missing(list(waiting)))


def _relabelled(visit: Visit, mail: Listed) -> Envelope:
    return visit.changed(mail.id, "", mail.labels)


def _in_parts(visit: Visit, envelopes: Iterator[Envelope]) -> Iterator[list[Envelope]]:
    part: list[Envelope] = []
    for envelope in envelopes:
        part.append(envelope)
        if len(part) >= visit.limits.batch_mails:
            yield part
            part = []
    if part:
        yield part


def _tell(visit: Visit, drift: Counter[Drift]) -> None:
    for kind in Drift:
        GMAIL_DRIFT.labels(account=account_tag(visit.account), kind=kind.value).set(drift[kind])
    if drift.total():
        log.warning(
            "gmail_drift",
            account=account_tag(visit.account),
            missing=drift[Drift.MISSING],
            extra=drift[Drift.EXTRA],
            other_labels=drift[Drift.LABELS],
        )
