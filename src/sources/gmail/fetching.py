"""Fetching: mails by id, or what is known of them, in hauls of bounded size, whatever single ones do.

What the wire cannot give of one mail after its own tries: a temporary error ends the visit once the other mails are
handed out, and the next begins anew later; what concerns this mail alone becomes a Failure, and so does, in the end, a
temporary error that never passes (`stubborn.py`). A mail that is answered with 404 may not be visible yet: it is looked
for once more, and then it is gone.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

from src.common.errors import (
    GmailPreconditionError,
    GmailUnavailableError,
    IngestError,
    MailTooLargeError,
    MailUnfetchableError,
)
from src.common.instruments import GMAIL_SYNC_LATENCY, GMAIL_SYNC_MESSAGES
from src.common.logs import account_tag, get_logger
from src.model.cursor import Failure
from src.model.envelope import Envelope
from src.sources.gmail.visit import Limits, Visit, known_mails
from src.sync.gmail_values import GoneMessage, MessageFacts, RawMessage
from src.sync.quota_scripts import Use

log = get_logger(__name__)


@dataclass(slots=True)
class Haul:
    """Some of the mails asked for."""

    envelopes: list[Envelope] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    size_bytes: int = 0

    def is_full(self, limits: Limits) -> bool:
        count = len(self.envelopes) + len(self.failures)
        return count >= limits.batch_mails or self.size_bytes >= limits.batch_bytes


def fetched(visit: Visit, ids: Iterable[str], *, use: Use) -> Iterator[Haul]:
    """Yield the mails of `ids` in any order; drafts and others that are not wanted are left out."""
    gone: list[str] = []
    yield from _asked_for(visit, ids, gone, use=use)
    if gone:
        visit.pause(visit.limits.second_look_s)
        yield from _asked_for(visit, gone, [], use=use)


def _asked_for(visit: Visit, ids: Iterable[str], gone: list[str], *, use: Use) -> Iterator[Haul]:
    """Yield what is there of `ids`; add the rest to `gone`. Raises at the end what may pass."""
    haul = Haul()
    passing: IngestError | None = None
    results = visit.api.fetch_many(ids, use=use)
    with closing(results):  # type: ignore[type-var]  # a generator; ends its threads
        for message_id, result in results:
            if isinstance(result, GoneMessage):
                gone.append(message_id)
            elif isinstance(result, IngestError) and _may_pass(visit, message_id, result):
                passing = result
            else:
                _take(visit, haul, message_id, result)
            if haul.is_full(visit.limits):
                _handed_out(visit, haul, use)
                yield haul
                haul = Haul()
    if haul.envelopes or haul.failures:
        _handed_out(visit, haul, use)
        yield haul
    if passing is not None:
        raise passing


def looked_up(visit: Visit, ids: Iterable[str], *, use: Use) -> Iterator[list[MessageFacts]]:
    """Yield what is known of mails besides their bytes, a batch's worth at a time, in any order.

    Those that are gone are left out: their deletion is in the history that follows. So are, with a word in the log,
    those of which the API tells nothing while it tells of others: the next comparison finds their labels by lists.
    """
    found: list[MessageFacts] = []
    passing: IngestError | None = None
    results = visit.api.look_up_many(ids, use=use)
    with closing(results):  # type: ignore[type-var]  # a generator; ends its threads
        for message_id, result in results:
            if isinstance(result, MessageFacts):
                visit.stubborn.given(message_id)
                found.append(result)
            elif isinstance(result, IngestError) and _may_pass(visit, message_id, result):
                passing = result
            elif isinstance(result, IngestError):
                log.warning("gmail_labels_not_told", account=account_tag(visit.account), code=result.code)
            if len(found) >= visit.limits.batch_mails:
                yield found
                found = []
    if found:
        yield found
    if passing is not None:
        raise passing


def _may_pass(visit: Visit, message_id: str, error: IngestError) -> bool:
    """Tell a failure of the surroundings from one of this mail."""
    if isinstance(error, GmailPreconditionError) or not error.is_temporary:
        return False
    return not (visit.stubborn.failed(message_id) and _gives_others(visit, message_id))


def _gives_others(visit: Visit, message_id: str) -> bool:
    """Ask for another mail that it gave before."""
    stored = (mail.source_id for mail in known_mails(visit) if mail.is_stored and not mail.is_deleted)
    other = next((each for each in stored if each != message_id), None)
    try:
        return other is not None and isinstance(visit.api.get_minimal(other), MessageFacts)
    except GmailUnavailableError:
        return False


def _take(visit: Visit, haul: Haul, message_id: str, result: RawMessage | IngestError) -> None:
    if isinstance(result, IngestError):
        haul.failures.append(visit.failure(message_id, _of_one_mail(result)))
        return
    visit.stubborn.given(message_id)
    if len(result.raw) > visit.limits.max_mail_bytes:
        too_large = MailTooLargeError(
            f"a mail of at most {visit.limits.max_mail_bytes} bytes was expected (MAX_MAIL_BYTES), one of "
            f"{len(result.raw)} found"
        )
        haul.failures.append(visit.failure(message_id, too_large))
    elif visit.wanted.takes(result.facts.label_ids):
        haul.envelopes.append(visit.added(result))
        haul.size_bytes += len(result.raw)


def _of_one_mail(error: IngestError) -> IngestError:
    """Return what the dead letter shall say."""
    if error.is_temporary:
        return MailUnfetchableError(f"the Gmail API refused this mail at each try, while it gave others: {error}")
    return error


def _handed_out(visit: Visit, haul: Haul, use: Use) -> None:
    visit.brought(envelope.source_id for envelope in haul.envelopes)
    visit.brought(failure.envelope.source_id for failure in haul.failures)
    direction = "incremental" if use == "live" else "backfill"
    GMAIL_SYNC_MESSAGES.labels(direction=direction).inc(len(haul.envelopes))
    if use == "live":
        for envelope in haul.envelopes:
            _observe_latency(envelope)


def _observe_latency(envelope: Envelope) -> None:
    if envelope.received_at is not None:
        GMAIL_SYNC_LATENCY.observe(max((envelope.fetched_at - envelope.received_at).total_seconds(), 0.0))
