"""Publishing: entries, raw mails, dead letters and the cursor go onto the stream in one step, or not at all."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from src.common.clock import Clock
from src.common.errors import StagedExpiredError
from src.common.redis_client import RedisConnection, redis_errors
from src.model.cursor import Cursor
from src.model.envelope import Kind, RawSlices
from src.stream.keys import LAST_POLL, LAST_UID, TOTAL_EMAILS, UIDVALIDITY, Keys
from src.stream.leases import Leases
from src.stream.options import StreamOptions
from src.stream.protocol import Lease, Outgoing, Published, PublishResult
from src.stream.raw_codec import codec, resliced, slices_of
from src.stream.scripts import Command

STAGED_SECONDS = 3600  # what a crash left staged is gone after this; a producer waits that long for room
INLINE_BYTES = 16 * 1024 * 1024  # raw mail that one step carries inside itself; what is beyond is staged before it
MAX_KNOWN = 1_000_000  # ids remembered in a partition, about 130 MB; the oldest are forgotten first
_KEPT_BESIDE = (LAST_POLL, TOTAL_EMAILS)

Argument = str | int | bytes


class Publishing(Leases):
    """The part of RedisStream that producers fill it through."""

    def __init__(self, connection: RedisConnection, options: StreamOptions, clock: Clock | None = None) -> None:
        super().__init__(connection, options, clock)
        # Slices staged by this process and not published yet: envelope id to their number and bytes. A full stream
        # makes the producer publish the same batch again, whose slices can be read only once.
        self._staged: dict[str, tuple[int, int]] = {}

    def packed(self, outgoing: Sequence[Outgoing]) -> list[Outgoing]:
        return [replace(item, packed=stored) for item, stored in zip(outgoing, self._stored(outgoing), strict=True)]

    def publish(self, lease: Lease, outgoing: Sequence[Outgoing], *, before: Cursor, after: Cursor) -> Published:
        keys = self._keys_for(lease.account, lease.mailbox)
        cursor_keys, cursor_arguments = _cursor_moves(keys, lease, before, after)
        arguments = [*self._limits(), lease.token, len(cursor_keys), *cursor_arguments]
        staging: list[Command] = []
        for number, (item, stored) in enumerate(zip(outgoing, self._stored(outgoing), strict=True)):
            if stored:
                key = keys.staged_whole(item.envelope_id, number)
                staging.append(("SET", key, stored, "EX", STAGED_SECONDS))
            self._add_arguments(arguments, keys, item, stored)
        answer = self._run(
            keys,
            "publish",
            *arguments,
            extra_keys=(
                keys.lease(lease.account, lease.mailbox),
                keys.cursor_names(lease.account, lease.mailbox),
                keys.state(lease.account, lease.mailbox, LAST_POLL),
                keys.state(lease.account, lease.mailbox, TOTAL_EMAILS),
                *cursor_keys,
            ),
            ahead=staging,
        )
        return self._published(answer, outgoing)

    def _limits(self) -> list[Argument]:
        options = self._options
        return [
            options.group,
            options.entries_per_partition,
            options.bytes_per_partition,
            options.known_ttl_s,
            MAX_KNOWN,
        ]

    def _stored(self, outgoing: Sequence[Outgoing]) -> list[bytes | None]:
        """Return what is staged in the step itself of each raw mail, empty for none; None: it goes ahead in slices."""
        room = INLINE_BYTES
        stored: list[bytes | None] = [None] * len(outgoing)
        to_pack: dict[int, bytes] = {}
        for at, item in enumerate(outgoing):
            raw = item.raw
            if not isinstance(raw, bytes) or len(raw) > min(self._options.spool_bytes, room):
                continue
            if item.packed is not None:
                stored[at] = item.packed
                room -= len(raw)
            elif raw or (item.kind is Kind.ADDED and not item.dead_code):
                to_pack[at] = raw
                room -= len(raw)
            else:
                stored[at] = b""
        for at, packed in zip(to_pack, codec().pack_many(list(to_pack.values())), strict=True):
            stored[at] = packed
        return stored

    def _add_arguments(self, arguments: list[Argument], keys: Keys, item: Outgoing, stored: bytes | None) -> None:
        slices = 0
        if stored is None:
            slices, stored_bytes = self._stage(keys, item.envelope_id, item.raw)
        else:
            stored_bytes = len(stored)
        arguments += (
            item.envelope_id,
            item.kind.value,
            "" if item.version is None else item.version,
            "1" if item.force else "",
            item.dead_code,
            item.dead_error,
            slices,
            stored_bytes,
            item.payload,
        )

    def _stage(self, keys: Keys, envelope_id: str, raw: bytes | RawSlices) -> tuple[int, int]:
        """Put a big mail's slices under an expiring key, unless they are there; return their number and bytes."""
        known = self._staged.get(envelope_id)
        if known is not None:
            with redis_errors():
                if self._client.expire(keys.staged(envelope_id), STAGED_SECONDS):
                    return known
            del self._staged[envelope_id]
            if not isinstance(raw, bytes):
                raise _expired()
        number = stored_bytes = 0
        for piece in _pieces(raw):
            packed = codec().pack(piece)
            if not self._run(keys, "stage", envelope_id, number, STAGED_SECONDS, packed):
                raise _expired()
            number += 1
            stored_bytes += len(packed)
        self._staged[envelope_id] = (number, stored_bytes)
        return number, stored_bytes

    def _published(self, answer: list[bytes | int], outgoing: Sequence[Outgoing]) -> Published:
        result, added, repeated, dead = answer
        word = result.decode() if isinstance(result, bytes) else str(result)
        if word == "staged_gone" or word == PublishResult.PUBLISHED:
            for item in outgoing:
                self._staged.pop(item.envelope_id, None)
        if word == "staged_gone":
            raise _expired()
        return Published(PublishResult(word), int(added), int(repeated), int(dead))


def _expired() -> StagedExpiredError:
    return StagedExpiredError("the staged slices of a big mail are gone from Redis: read the batch again")


def _pieces(raw: bytes | RawSlices) -> Iterator[bytes | memoryview]:
    if isinstance(raw, bytes):
        # An empty mail is one empty slice: a list in Redis cannot be empty.
        return slices_of(raw) if raw else iter((b"",))
    return resliced(iter(raw))


def _cursor_moves(keys: Keys, lease: Lease, before: Cursor, after: Cursor) -> tuple[list[str], list[Argument]]:
    """Return the keys of the cursor's values, and for each its name, what is expected there and what shall be."""
    expected = {name: value for name, value in before.values.items() if name not in _KEPT_BESIDE}
    new = {name: value for name, value in after.values.items() if name not in _KEPT_BESIDE}
    names = sorted({LAST_UID, UIDVALIDITY, *expected, *new})
    arguments: list[Argument] = []
    for name in names:
        is_compared = name in expected or name in (LAST_UID, UIDVALIDITY)
        arguments += (
            name,
            _told(expected.get(name)) if is_compared else "*",
            _told(new.get(name)),
        )
    return [keys.state(lease.account, lease.mailbox, name) for name in names], arguments


def _told(value: str | None) -> str:
    return "-" if value is None else f"={value}"
