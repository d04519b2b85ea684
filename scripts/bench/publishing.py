"""Put mails on the stream as a producer does, for the benchmarks of the worker."""

from collections.abc import Sequence
from datetime import UTC, datetime

from config.settings import Settings
from src.common.redis_client import connect
from src.model.cursor import Batch
from src.model.envelope import Envelope, Kind, Place
from src.producer.payloads import outgoing_of
from src.stream.options import options_from
from src.stream.redis_stream import RedisStream

ACCOUNT, MAILBOX = "bench@example.org", "INBOX"
PUBLISH_AT_ONCE = 100


def publish(settings: Settings, mails: Sequence[bytes]) -> None:
    """Put all mails on an empty stream; their source ids are those of `source_id`, counted from 1."""
    connection = connect(settings)
    stream = RedisStream(connection, options_from(settings))
    stream.ensure_group()
    lease = stream.acquire_lease(ACCOUNT, MAILBOX, "bench")
    assert lease is not None
    before = stream.load_cursor(ACCOUNT, MAILBOX)
    for start in range(0, len(mails), PUBLISH_AT_ONCE):
        part = mails[start : start + PUBLISH_AT_ONCE]
        after = before.moved(last_uid=start + len(part), uidvalidity=1)
        batch = Batch(after, tuple(_envelope(number, raw) for number, raw in enumerate(part, start + 1)))
        assert stream.publish(lease, outgoing_of(batch), before=before, after=after).added == len(part)
        before = after
    connection.close()


def source_id(number: int) -> str:
    """Return what names the mail with this number, counted from 1."""
    return f"{MAILBOX}/1/{number}"


def _envelope(number: int, raw: bytes) -> Envelope:
    now = datetime.now(UTC)
    return Envelope(
        account=ACCOUNT,
        source="imap",
        source_id=source_id(number),
        kind=Kind.ADDED,
        place=Place(MAILBOX, 1, number),
        fetched_at=now,
        labels=(),
        received_at=now,
        raw=raw,
        size_bytes=len(raw),
    )
