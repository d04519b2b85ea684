"""The names of the Redis keys, and the partition of a mailbox. `docs/stream-protocol.md` says what each key holds.

With one partition the names are plain. With more, or on Redis Cluster, all keys of a partition begin with one hash tag,
`{STREAM:p}`, so that a script may touch them together.
"""

import hashlib
from dataclasses import dataclass

from src.stream.options import StreamOptions

# Kept by the stream itself: never compared, never part of a cursor.
LAST_POLL = "last_poll"
TOTAL_EMAILS = "total_emails"
# Part of every cursor, known or not: an operator may set them where no producer has been.
LAST_UID = "last_uid"
UIDVALIDITY = "uidvalidity"


def partition_of(account: str, mailbox: str, partitions: int) -> int:
    """Return the partition of a mailbox: the same in every process and release."""
    if partitions == 1:
        return 0
    name = f"{account}\0{mailbox}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big") % partitions


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one partition."""

    partition: int
    stream: str  # STREAM of tickets
    retry: str  # ZSET of envelope ids, by when they are due (ms, server's clock)
    retry_tickets: str  # HASH: envelope id to the ticket's fields
    ledger: str  # HASH: envelope id of every mail on its way or dead to where it is
    known: str  # ZSET of ids published lately, by when (s)
    counters: str  # HASH of counts and sums
    clock: str  # last version stamped, µs
    dead: str  # STREAM of dead letters
    dead_codes: str  # HASH: code to number of dead letters
    crashes: str  # HASH: envelope id to workers that died over it
    begun: str  # HASH: consumer to the suspect it began last
    lives: str  # HASH: consumer to the process that bears this name
    processed: str  # STREAM of notes, trimmed
    reclaim_lease: str  # consumer that reclaims just now, expiring
    tag: str  # prefix of keys whose plain name does not begin with the stream's

    @property
    def fixed(self) -> tuple[str, ...]:
        """The keys that every script is given first, in the order of `scripts/_shared.lua`."""
        return (
            self.stream,
            self.retry,
            self.retry_tickets,
            self.ledger,
            self.known,
            self.counters,
            self.clock,
            self.dead,
            self.dead_codes,
            self.crashes,
            self.begun,
            self.lives,
            self.processed,
            self.reclaim_lease,
        )

    def raw(self, envelope_id: str) -> str:
        """The raw mail: a string, or a list of slices."""
        return f"{self.stream}:raw:{envelope_id}"

    def staged(self, envelope_id: str) -> str:
        """Slices of a big mail not published yet; expires."""
        return f"{self.stream}:staged:{envelope_id}"

    def staged_whole(self, envelope_id: str, number: int) -> str:
        """A raw mail in the step that publishes it, as one string; `number` is its place in the batch. Expires."""
        return f"{self.staged(envelope_id)}:{number}"

    def lease(self, account: str, mailbox: str) -> str:
        """HASH of token and owner of the one producer of a mailbox; expires."""
        return f"{self.stream}:lease:{_mailbox_name(account, mailbox)}"

    def cursor_names(self, account: str, mailbox: str) -> str:
        """SET of the names of the cursor's values."""
        return f"{self.stream}:cursor_names:{_mailbox_name(account, mailbox)}"

    def state(self, account: str, mailbox: str, name: str) -> str:
        """One value of the cursor, or of what is kept beside it."""
        return f"{self.tag}producer_state:{_mailbox_name(account, mailbox)}:{name}"


def keys_of(partition: int, options: StreamOptions) -> Keys:
    """Return the keys of one partition."""
    base = f"{{{options.stream}:{partition}}}" if options.is_tagged else options.stream
    tag = f"{base}:" if options.is_tagged else ""
    return Keys(
        partition=partition,
        stream=base,
        retry=f"{base}:retry",
        retry_tickets=f"{base}:retry:tickets",
        ledger=f"{base}:ledger",
        known=f"{base}:known",
        counters=f"{base}:counters",
        clock=f"{base}:clock",
        dead=f"{tag}{options.dead_letters}",
        dead_codes=f"{base}:dead_codes",
        crashes=f"{base}:crashes",
        begun=f"{base}:begun",
        lives=f"{base}:lives",
        processed=f"{tag}{options.processed}",
        reclaim_lease=f"{base}:reclaim_lease",
        tag=tag,
    )


def _mailbox_name(account: str, mailbox: str) -> str:
    # A colon in the account would make two mailboxes share a key: "a:b" + "c" and "a" + "b:c".
    return f"{account.replace('%', '%25').replace(':', '%3A')}:{mailbox}"
