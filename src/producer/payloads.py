"""From what a source gave to what the stream takes: the ticket's payload with a first look at the mail."""

from src.mail.preview import preview
from src.model.cursor import Batch, Failure
from src.model.envelope import Envelope, Kind
from src.stream.protocol import Outgoing
from src.stream.ticket_codec import encode_payload


def outgoing_of(batch: Batch) -> list[Outgoing]:
    """Return all that a batch holds, ready for the stream, the mails that could not be given last."""
    return [*(_of_envelope(envelope) for envelope in batch.envelopes), *(_of_failure(it) for it in batch.failures)]


def _of_envelope(envelope: Envelope) -> Outgoing:
    fields = _preview_fields(envelope) if envelope.kind is Kind.ADDED else {}
    return Outgoing(
        envelope_id=envelope.id,
        kind=envelope.kind,
        payload=encode_payload(envelope, fields),
        raw=envelope.raw,
        version=envelope.version,
        force=envelope.force,
    )


def _of_failure(failure: Failure) -> Outgoing:
    return Outgoing(
        envelope_id=failure.envelope.id,
        kind=failure.envelope.kind,
        payload=encode_payload(failure.envelope, _preview_fields(failure.envelope) if failure.envelope.raw else {}),
        raw=failure.envelope.raw,
        version=failure.envelope.version,
        dead_code=failure.code,
        dead_error=failure.error,
    )


def _preview_fields(envelope: Envelope) -> dict[str, object]:
    look = preview(head_of(envelope))
    return {
        "from": look.sender,
        "to": list(look.to),
        "subject": look.subject,
        "date": look.date.isoformat() if look.date else None,
        "message_id": look.message_id,
        "references": list(look.references),
        "headers": dict(look.headers),
        "body_text": look.body_text,
        "body_html_preview": look.body_html_preview,
    }


def head_of(envelope: Envelope) -> bytes:
    """Return the mail, or the first slice of a big one: header and first text lie there in all but strange mails."""
    return envelope.raw if isinstance(envelope.raw, bytes) else next(iter(envelope.raw), b"")
