"""Fetching: mails by id, in hauls of bounded size, whatever single ones do.

What the wire cannot give of one mail after its own tries: a temporary error of the surroundings ends the visit, which
begins anew later; anything that concerns this mail alone becomes a Failure, and its neighbours go on. A mail that is
answered with 404 may not be visible yet: it is looked for once more, and then it is gone.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

from src.common.errors import GmailPreconditionError, IngestError, MailTooLargeError, MailUnfetchableError
from src.common.instruments import GMAIL_SYNC_LATENCY, GMAIL_SYNC_MESSAGES
from src.model.cursor import Failure
from src.model.envelope import Envelope
from src.sources.gmail.visit import Limits, Visit
from src.sync.gmail_values import GoneMessage, RawMessage
from src.sync.quota_scripts import Use


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
    """Yield what is there of `ids`; add the rest to `gone`."""
    haul = Haul()
    results = visit.api.fetch_many(ids, use=use)
    with closing(results):  # type: ignore[type-var]  # a generator; ends its threads
        for message_id, result in results:
            if isinstance(result, GoneMessage):
                gone.append(message_id)
            else:
                _take(visit, haul, message_id, result)
            if haul.is_full(visit.limits):
                _handed_out(visit, haul, use)
                yield haul
                haul = Haul()
    if haul.envelopes or haul.failures:
        _handed_out(visit, haul, use)
        yield haul


def _take(visit: Visit, haul: Haul, message_id: str, result: RawMessage | IngestError) -> None:
    if isinstance(result, IngestError):
        haul.failures.append(visit.failure(message_id, _of_one_mail(result)))
    elif len(result.raw) > visit.limits.max_mail_bytes:
        too_large = MailTooLargeError(
            f"a mail of at most {visit.limits.max_mail_bytes} bytes was expected (MAX_MAIL_BYTES), one of "
            f"{len(result.raw)} found"
        )
        haul.failures.append(visit.failure(message_id, too_large))
    elif visit.wanted.takes(result.facts.label_ids):
        haul.envelopes.append(visit.added(result))
        haul.size_bytes += len(result.raw)


def _of_one_mail(error: IngestError) -> IngestError:
    """Return what the dead letter shall say. Raises what is no fault of this mail."""
    if isinstance(error, GmailPreconditionError):
        return MailUnfetchableError(f"the Gmail API refused this mail at each try, while it gave others: {error}")
    if error.is_temporary:
        raise error
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
