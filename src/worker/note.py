"""Note: what `email_processed_stream` tells of a settled ticket, for people and programs that follow along.

Short, and free of what is in the mail: enough to find the row in the database by (account, source id). The account is
told in clear, as in the keys and tickets of the same Redis; in logs and metrics it never is.
"""

import json

import orjson

from src.model.outcome import Done, Skipped
from src.model.ticket import Ticket


def make_note(ticket: Ticket, outcome: Done | Skipped, settled_at: str) -> bytes:
    """Return the JSON of one note; `settled_at` is ISO 8601, UTC."""
    note: dict[str, str] = {
        "id": ticket.envelope_id,
        "account": ticket.account,
        "source": ticket.source,
        "source_id": ticket.source_id,
        "kind": ticket.kind.value,
        "outcome": "done",
        "at": settled_at,
    }
    if isinstance(outcome, Skipped):
        note |= {"outcome": "skipped", "reason": outcome.reason}
    try:
        return orjson.dumps(note)
    except TypeError:  # a lone surrogate: the name of a file in a Maildir need not be UTF-8
        return json.dumps(note).encode("ascii")
