"""Records for the tests of the store: told in one line, the rest of each as dull as possible."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from src.model.envelope import GmailIds, Kind, Place
from src.model.extraction import Attachment, Extracted, Extraction, Scan
from src.model.message import Address, Message, Record

ACCOUNT = "ada@example.org"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def make_message(
    *,
    subject: str = "Minutes",
    body: str = "Nothing was decided.",
    sender: str = "bob@example.org",
    message_id: str = "m1@example.org",
    date: datetime | None = LONG_AGO,
    attachments: Sequence[Attachment] = (),
    defects: tuple[str, ...] = (),
) -> Message:
    """Return a small parsed mail."""
    return Message(
        message_id=message_id,
        in_reply_to="",
        references=("m0@example.org",),
        subject=subject,
        sender=Address("Bob Builder", sender),
        to=(Address("Ada", ACCOUNT),),
        cc=(Address("", "carol@example.net"),),
        bcc=(),
        date=date,
        body_text=body,
        body_html_preview="",
        headers={"subject": subject, "x-mailer": "none"},
        attachments=tuple(attachments),
        defects=defects,
    )


def make_attachment(
    text: str = "",
    *,
    position: int = 0,
    filename: str = "plan.txt",
    reason: str = "",
    scan: Scan = Scan.OFF,
    recipe: str = "text/plain 1:0",
) -> Attachment:
    """Return an attachment with this text; without one, it is empty or was skipped for `reason`."""
    outcome = Extracted.TEXT if text else Extracted.SKIPPED if reason else Extracted.EMPTY
    return Attachment(
        position=position,
        filename=filename,
        content_type="text/plain",
        content_id="",
        size_bytes=1_000,
        sha256="b" * 64,
        is_inline=False,
        extraction=Extraction(outcome, text=text, reason=reason, metadata={"pages": 2}),
        scan=scan,
        recipe=recipe,
    )


def added(
    source_id: str = "INBOX/1/1",
    version: int = 1,
    *,
    account: str = ACCOUNT,
    labels: tuple[str, ...] | None = ("\\Seen",),
    place: Place | None = None,
    message: Message | None = None,
    received_at: datetime | None = LONG_AGO + timedelta(hours=1),
    gmail: GmailIds | None = None,
    size_bytes: int = 2_345,
    sha256: str = "a" * 64,
    fetched_at: datetime = LONG_AGO + timedelta(days=1),
) -> Record:
    """Return a record that brings a mail."""
    return Record(
        account=account,
        source="imap",
        source_id=source_id,
        kind=Kind.ADDED,
        place=place or Place("INBOX", 1, 1),
        version=version,
        labels=labels,
        received_at=received_at,
        fetched_at=fetched_at,
        size_bytes=size_bytes,
        gmail=gmail,
        message=message or make_message(),
        sha256=sha256,
        thread_id="t1",
    )


def changed(
    source_id: str = "INBOX/1/1",
    version: int = 2,
    *,
    account: str = ACCOUNT,
    labels: tuple[str, ...] | None = ("\\Flagged",),
    place: Place | None = None,
    kind: Kind = Kind.CHANGED,
    received_at: datetime | None = None,
) -> Record:
    """Return a record that tells new labels or a new place."""
    return Record(
        account=account,
        source="imap",
        source_id=source_id,
        kind=kind,
        place=place or Place("INBOX", 1, 1),
        version=version,
        labels=labels,
        received_at=received_at,
        fetched_at=LONG_AGO + timedelta(days=2),
        size_bytes=0,
        gmail=None,
        message=None,
        sha256="",
        thread_id="",
    )


def deleted(
    source_id: str = "INBOX/1/1", version: int = 3, *, account: str = ACCOUNT, place: Place | None = None
) -> Record:
    """Return a record that tells a deletion."""
    return changed(source_id, version, account=account, labels=None, place=place, kind=Kind.DELETED)


def numbered(count: int, *, account: str = ACCOUNT, words: str = "common") -> list[Record]:
    """Return `count` mails at places of their own, the greater the number the newer; each has its own word `nr7`."""
    return [
        added(
            f"INBOX/1/{number}",
            number + 1,
            account=account,
            place=Place("INBOX", 1, number),
            received_at=LONG_AGO + timedelta(minutes=number),
            message=make_message(
                subject=f"Mail nr{number}",
                body=f"{words} body{number}",
                message_id=f"m{number}@example.org",
                attachments=[make_attachment(f"appendix{number}")],
            ),
        )
        for number in range(1, count + 1)
    ]
