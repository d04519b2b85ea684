"""How much a file source gives in one step, and what it refuses to give."""

from dataclasses import dataclass

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
