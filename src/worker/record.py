"""Record: from a ticket and its parsed mail to what the store shall make true. Pure."""

from src.model.message import Message, Record
from src.model.ticket import Ticket


def make_record(ticket: Ticket, message: Message | None = None, sha256: str = "") -> Record:
    """Return the Record of a ticket; `message` and `sha256` only for a mail that was added."""
    return Record(
        account=ticket.account,
        source=ticket.source,
        source_id=ticket.source_id,
        kind=ticket.kind,
        place=ticket.place,
        version=ticket.version,
        labels=ticket.labels,
        received_at=ticket.received_at,
        fetched_at=ticket.fetched_at,
        size_bytes=ticket.size_bytes,
        gmail=ticket.gmail,
        message=message,
        sha256=sha256,
        thread_id=thread_id(ticket, message),
    )


def thread_id(ticket: Ticket, message: Message | None) -> str:
    """Return the source's thread id, else the oldest Message-ID known of the thread; empty if nothing is known.

    References lists Message-IDs from the root on; In-Reply-To names the parent only (RFC 5322 section 3.6.4).
    """
    if ticket.gmail is not None and ticket.gmail.thread_id:
        return ticket.gmail.thread_id
    if message is None:
        return ""
    if message.references:
        return message.references[0]
    return message.in_reply_to or message.message_id
