"""Note: what `email_processed_stream` tells of a settled ticket, for people and programs that follow along.

Short, and free of what is in the mail: enough to find the row in the database by (account, source id). The account is
told in clear, as in the keys and tickets of the same Redis; in logs and metrics it never is.
"""

import orjson

from src.model.outcome import Done, Skipped
from src.model.ticket import Ticket


def make_note(ticket: Ticket, outcome: Done | Skipped, settled_at: str) -> bytes:
    """Return the JSON of one note; `settled_at` is ISO 8601, UTC."""
    skipped = {"reason": outcome.reason} if isinstance(outcome, Skipped) else {}
    return orjson.dumps(
        {
            "id": ticket.envelope_id,
            "account": ticket.account,
            "source": ticket.source,
            "source_id": ticket.source_id,
            "kind": ticket.kind,
            "outcome": "skipped" if skipped else "done",
            "at": settled_at,
            **skipped,
        }
    )
