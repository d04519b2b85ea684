"""Comparing: the whole mailbox with the database, by ids and labels, and what differs is said.

It repairs what a lost history leaves behind (deletes and labels of the gap), and proves every day that nothing drifted.
Nothing is concluded from a part of a list: it is complete, or the walk raises. The history is read before and after, so
that a label of the snapshot that is older than the history's word does not stay.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing

from src.common.instruments import GMAIL_DRIFT
from src.common.logs import account_tag, get_logger
from src.model.envelope import Envelope
from src.sources.gmail.backfill import all_ids
from src.sources.gmail.fetching import fetched
from src.sources.gmail.position import Position
from src.sources.gmail.snapshot import Drift, Listed, Snapshot
from src.sources.gmail.visit import Steps, Visit, batch
from src.sources.imap.ids import is_gmail_id
from src.store.protocol import KnownMail

log = get_logger(__name__)


def compare(visit: Visit, position: Position) -> Steps:
    """Say what differs; return the position with the time of this comparison."""
    drift: Counter[Drift] = Counter()
    with closing(take_snapshot(visit)) as snapshot:
        under_way = visit.under_way()  # first: mails move from the stream into the database
        snapshot.compare(known_mails(visit), under_way)
        for envelopes in _in_parts(visit, _said(visit, snapshot, drift)):
            yield batch(position, envelopes)
        missing = visit.missing([mail.id for mail in snapshot.missing() if is_wanted(visit, mail)])
        drift[Drift.MISSING] += len(missing)
        for haul in fetched(visit, missing, use="census"):
            yield batch(position, haul.envelopes, haul.failures)
    _tell(visit, drift)
    position = position.changed(is_unsure=False, compared_at=int(visit.clock.now().timestamp()))
    yield batch(position)
    return position


def take_snapshot(visit: Visit) -> Snapshot:
    """Return the ids and labels of all mails, drafts included. The caller closes it."""
    snapshot = Snapshot()
    try:
        for label in visit.api.labels(use="census"):
            snapshot.list_label(label, all_ids(visit, label=label.id))
        if visit.wanted.query:
            snapshot.list_asked(all_ids(visit, query=visit.wanted.query))
        snapshot.list_ids(all_ids(visit))
    except BaseException:
        snapshot.close()
        raise
    return snapshot


def known_mails(visit: Visit) -> Iterator[KnownMail]:
    """Walk what the database knows of the account's mails at Gmail, by whatever way they came."""
    return (mail for mail in visit.known.known_mails(visit.account) if is_gmail_id(mail.source_id))


def is_wanted(visit: Visit, mail: Listed) -> bool:
    """Tell whether a mail of the snapshot is to be in the database."""
    return visit.wanted.takes(mail.labels) and (mail.is_asked or not visit.wanted.query)


def _said(visit: Visit, snapshot: Snapshot, drift: Counter[Drift]) -> Iterator[Envelope]:
    for message_id in snapshot.gone(lambda: all_ids(visit)):
        drift[Drift.EXTRA] += 1
        yield visit.deleted(message_id)
    for mail in snapshot.other_labels():
        drift[Drift.LABELS] += not mail.is_told_anew  # after a switch from IMAP all are, and nothing is wrong with them
        yield _relabelled(visit, mail)


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
