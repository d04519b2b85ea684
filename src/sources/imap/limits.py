"""How much the IMAP source does in one step: every bound by name, with its unit and reason."""

from dataclasses import dataclass

MIB = 1024 * 1024

CHUNK = 500  # mails described, or looked up in the database, in one go: one short statement, one round trip
FLAG_CHUNK = 5_000  # mails whose flags are listed in one go: about 1 MB of answers held at a time
MAX_VANISHED = 10_000  # UIDs a server may name as vanished before a reconcile is the cheaper answer
LEAST_LISTED = (
    0.5  # of the mails that SELECT told of; a shorter list is a broken answer, or the next look tells otherwise
)
MAX_ROUNDS = 6  # fresh connections within one fetch while a mail that breaks them is being found
BARRIER_PATIENCE_S = 60.0  # of looking, before the operator is told that no worker settles anything


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that settings decide."""

    batch_mails: int = 200  # envelopes in one batch: what one publish script can take without blocking Redis
    # Of raw mail in one batch; one mail may go over it by its own size. A producer holds about eight times as much: a
    # batch being read, one being published, that one compressed, and as a command. Larger batches were not faster.
    batch_bytes: int = MIB // 2
    spool_bytes: int = 8 * MIB  # a mail above this is read in slices while it is published
    max_mail_bytes: int = 200 * MIB  # a mail above this is dead-lettered unread
    # UIDs whose changed flags are asked for in one go: the wire takes at most 100,000 answers to one command.
    flag_window: int = 50_000
    reconcile_interval_s: float = 3600.0
    barrier_poll_s: float = 0.5  # between looks at the tickets on their way; so long may a fetch then block
