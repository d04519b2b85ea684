"""How much a file source gives in one step, and what it refuses to give."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from src.model.envelope import Envelope

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class FileLimits:
    """Bounds of the mbox and the Maildir source. All sizes in bytes."""

    batch_mails: int = 200  # mails in one batch
    batch_bytes: int = 8 * MIB  # of raw mail in one batch, so that batches waiting to be published stay small
    slice_bytes: int = 8 * MIB  # a mail above this travels as slices instead of one value
    max_mail_bytes: int = 200 * MIB  # a mail above this is a Failure with `mail_too_large`
    kept_bytes: int = 200 * MIB  # of which the dead letter keeps the raw mail up to this size, for a replay
    settle_s: float = 1.0  # a file changed within this time may be in the middle of a write: its last mail waits


def in_batches(envelopes: Iterable[Envelope], limits: FileLimits) -> Iterator[tuple[Envelope, ...]]:
    """Yield the envelopes some at a time, as many as make one batch."""
    batch: list[Envelope] = []
    size_bytes = 0
    for envelope in envelopes:
        batch.append(envelope)
        size_bytes += envelope.size_bytes
        if len(batch) >= limits.batch_mails or size_bytes >= limits.batch_bytes:
            yield tuple(batch)
            batch, size_bytes = [], 0
    if batch:
        yield tuple(batch)
