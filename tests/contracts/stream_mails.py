"""Synthetic mails for the stream's tests: one mailbox, numbered by UID."""

from datetime import UTC, datetime

from src.model.cursor import Cursor
from src.model.envelope import Envelope, Kind, Place, RawSlices, envelope_id
from src.stream.protocol import Lease, Outgoing, ProducerStream, Published, PublishResult
from src.stream.ticket_codec import encode_payload

ACCOUNT = "ann@example.org"
MAILBOX = "INBOX"
FETCHED_AT = datetime(2026, 1, 1, tzinfo=UTC)
MOST_LEASES = 3  # taken for one publish: leases of some milliseconds may end again


def raw_of(uid: int, size_bytes: int = 200) -> bytes:
    """Return a raw mail that differs from every other."""
    head = f"Subject: mail {uid}\r\n\r\n".encode()
    return head + b"%d " % uid * (max(0, size_bytes - len(head)) // len(b"%d " % uid))


def id_of(uid: int) -> str:
    """Return the envelope id of an added mail."""
    return envelope_id(ACCOUNT, f"{MAILBOX}/1/{uid}")


def outgoing(
    uid: int,
    kind: Kind = Kind.ADDED,
    *,
    raw: bytes | RawSlices | None = None,
    size_bytes: int = 200,
    version: int | None = None,
    force: bool = False,
    dead_code: str = "",
    account: str = ACCOUNT,
    mailbox: str = MAILBOX,
) -> Outgoing:
    """Return one envelope ready for the stream."""
    if raw is None:
        raw = raw_of(uid, size_bytes) if kind is Kind.ADDED and not dead_code else b""
    envelope = Envelope(
        account=account,
        source="imap",
        source_id=f"{mailbox}/1/{uid}",
        kind=kind,
        place=Place(mailbox, 1, uid),
        fetched_at=FETCHED_AT,
        labels=("\\Seen",),
        raw=raw,
        size_bytes=len(raw) if isinstance(raw, bytes) else raw.size_bytes,
        version=version,
        force=force,
    )
    payload = encode_payload(envelope, {"subject": f"mail {uid}"})
    return Outgoing(
        envelope.id, kind, payload, raw, version, force, dead_code, "it could not be given" * bool(dead_code)
    )


def publish(stream: ProducerStream, *items: Outgoing, account: str = ACCOUNT, mailbox: str = MAILBOX) -> Published:
    """Publish under a lease of the tests' own, leaving the cursor where it is.

    The leases of tests are short: on a busy machine one may end on the way, and is taken again some times.
    """
    for _ in range(MOST_LEASES):
        lease = stream.acquire_lease(account, mailbox, "tests")
        assert lease is not None
        cursor = stream.load_cursor(account, mailbox)
        published = stream.publish(lease, items, before=cursor, after=cursor)
        if published.result is not PublishResult.FENCED:
            break
    return published


def lease_of(stream: ProducerStream, owner: str = "tests") -> Lease:
    """Take the lease of the tests' mailbox."""
    lease = stream.acquire_lease(ACCOUNT, MAILBOX, owner)
    assert lease is not None
    return lease


def cursor_at(uid: int) -> Cursor:
    """Return a cursor that stands at a UID."""
    return Cursor({"last_uid": str(uid), "uidvalidity": "1"})
