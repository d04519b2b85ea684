"""Dead letters: mails that no further try will help, kept with their raw mail until someone replays or purges them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal, cast

from src.common.errors import RawMissingError, TicketUnreadableError
from src.common.redis_client import redis_errors
from src.model.ticket import Ticket
from src.stream.base import Fields, StreamBase
from src.stream.keys import Keys
from src.stream.protocol import DeadLetter
from src.stream.raw_codec import codec
from src.stream.ticket_codec import decode_ticket

PAGE = 500  # dead letters read in one go
MOVES_AT_ONCE = 200  # dead letters moved by one script


class DeadLettering(StreamBase):
    """The part of RedisStream that operators handle dead letters through."""

    def list_dead(self, *, code: str = "", account: str = "", limit: int = 100, after: str = "") -> list[DeadLetter]:
        found: list[DeadLetter] = []
        first, from_id = self._place_of(after) if after else (self._partitions[0], "")
        for keys in self._partitions[first.partition :]:
            for letter in self._walk_dead(keys, from_id):
                is_wanted = (not code or letter.code == code) and (
                    not account or (letter.ticket is not None and letter.ticket.account == account)
                )
                if is_wanted:
                    found.append(letter)
                if len(found) >= limit:
                    return self._with_raw(found)
            from_id = ""
        return self._with_raw(found)

    def get_dead(self, entry_id: str) -> DeadLetter | None:
        keys, dead_id = self._place_of(entry_id)
        letters = [self._letter(keys, *entry) for entry in self._range(keys.dead, dead_id, dead_id)]
        return self._with_raw(letters)[0] if letters else None

    def raw_of_dead(self, entry_id: str) -> bytes | None:
        keys, dead_id = self._place_of(entry_id)
        entries = self._range(keys.dead, dead_id, dead_id)
        if not entries:
            return None
        fields = entries[0][1]
        key = keys.raw(_text(fields, b"id"))
        with redis_errors():
            stored = self._client.lrange(key, 0, -1) if _number(fields, b"slices") else [self._client.get(key)]
        try:
            return b"".join(codec().unpack(cast(bytes, value)) for value in stored) if any(stored) else None
        except RawMissingError:
            return None

    def replay(self, entry_ids: Sequence[str]) -> int:
        return self._move_dead("replay", entry_ids)

    def purge(self, entry_ids: Sequence[str]) -> int:
        return self._move_dead("purge", entry_ids)

    def _move_dead(self, script: Literal["replay", "purge"], entry_ids: Sequence[str]) -> int:
        by_partition: dict[int, list[str]] = {}
        for entry_id in entry_ids:
            keys, dead_id = self._place_of(entry_id)
            by_partition.setdefault(keys.partition, []).append(dead_id)
        moved = 0
        for number, dead_ids in by_partition.items():
            for start in range(0, len(dead_ids), MOVES_AT_ONCE):
                moved += self._run(self._partitions[number], script, *dead_ids[start : start + MOVES_AT_ONCE])
        return moved

    def _walk_dead(self, keys: Keys, after: str = "") -> Iterator[DeadLetter]:
        start = f"({after}" if after else "-"
        while True:
            entries = self._range(keys.dead, start, "+", PAGE)
            for dead_id, fields in entries:
                yield self._letter(keys, dead_id, fields)
            if len(entries) < PAGE:
                return
            start = f"({entries[-1][0].decode()}"

    def _letter(self, keys: Keys, dead_id: bytes, fields: Fields) -> DeadLetter:
        return DeadLetter(
            entry_id=self._name_of(keys, dead_id.decode()),
            envelope_id=_text(fields, b"id"),
            code=_text(fields, b"code"),
            error=_text(fields, b"error"),
            attempts=_number(fields, b"attempts"),
            died_at=_moment(_number(fields, b"died_at")),
            first_seen_at=_moment(_number(fields, b"published_at")) if _number(fields, b"published_at") else None,
            ticket=_ticket(dead_id, fields, keys.partition),
            has_raw=False,
        )

    def _with_raw(self, letters: list[DeadLetter]) -> list[DeadLetter]:
        """Tell of each letter whether its raw mail is there."""
        if not letters:
            return []
        with redis_errors():
            pipeline = self._client.pipeline(transaction=False)
            for letter in letters:
                pipeline.exists(self._place_of(letter.entry_id)[0].raw(letter.envelope_id))
            told = pipeline.execute()
        return [replace(letter, has_raw=bool(there)) for letter, there in zip(letters, told, strict=True)]

    def _name_of(self, keys: Keys, dead_id: str) -> str:
        return dead_id if len(self._partitions) == 1 else f"{keys.partition}:{dead_id}"

    def _place_of(self, entry_id: str) -> tuple[Keys, str]:
        number, colon, dead_id = entry_id.rpartition(":")
        position = int(number) if colon and number.isdigit() else 0
        return self._partitions[min(position, len(self._partitions) - 1)], dead_id


def _ticket(dead_id: bytes, fields: Fields, partition: int) -> Ticket | None:
    try:
        return decode_ticket(dead_id, {**fields, b"attempt": b"0"}, partition)
    except TicketUnreadableError:
        return None


def _text(fields: Fields, name: bytes) -> str:
    return fields.get(name, b"").decode("utf-8", "replace")


def _number(fields: Fields, name: bytes) -> int:
    text = fields.get(name, b"")
    return int(text) if text.isdigit() else 0


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
