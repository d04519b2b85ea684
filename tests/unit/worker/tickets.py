"""Tickets for the worker's tests: only what the test is about needs to be said."""

import dataclasses
from datetime import UTC, datetime

from src.model.envelope import Kind, Place, envelope_id
from src.model.message import Message
from src.model.ticket import Ticket

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def make_ticket(number: int = 1, **changes: object) -> Ticket:
    """Return the ticket of mail `number` in a mailbox of alice@example.org."""
    source_id = f"INBOX/1/{number}"
    ticket = Ticket(
        entry_id=f"{number}-0",
        envelope_id=envelope_id("alice@example.org", source_id),
        partition=0,
        account="alice@example.org",
        source="imap",
        source_id=source_id,
        kind=Kind.ADDED,
        place=Place("INBOX", 1, number),
        version=number,
        size_bytes=1000,
        fetched_at=NOON,
        labels=(),
        received_at=NOON,
        gmail=None,
        attempt=0,
        raw_slices=0,
        payload={},
    )
    return dataclasses.replace(ticket, **changes)  # type: ignore[arg-type]  # names and types are the caller's


def make_message(**changes: object) -> Message:
    """Return a plain message without a thread."""
    message = Message(
        message_id="m1@example.org",
        in_reply_to="",
        references=(),
        subject="hello",
        sender=None,
        to=(),
        cc=(),
        bcc=(),
        date=None,
        body_text="text",
        body_html_preview="",
        headers={},
        attachments=(),
        defects=(),
    )
    return dataclasses.replace(message, **changes)  # type: ignore[arg-type]  # names and types are the caller's
