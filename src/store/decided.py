"""Decided: what rules say of a mail whose content comes once more.

A record brings the decision on the attachments as they were read for it. Where of one of them something better is
stored already (the scanner was away this time, say, and had found a virus before), the rules are asked again about what
is stored in the end. So the decision is always that on the attachments as they are there, in any order of the records.
Labels and place count as they were told with the content that was fetched last (or, should one fetched before bring a
better reading after all, with that one).
"""

from collections.abc import Sequence
from dataclasses import replace

from src.model.decision import Decision
from src.model.message import Decide, Record
from src.store.content import AttachmentRow, Prepared, attachment_of


def as_told(record: Record) -> Decision | None:
    """Return the decision that came with a record: how a store decides that was given no rules."""
    return record.decision


def decided(told: Prepared, rows: Sequence[AttachmentRow], decide: Decide) -> Decision | None:
    """Return the decision on a mail with the content of `told`, but with these attachments; None: to stay as it is."""
    record = told.record
    if record.decision is None or record.message is None or rows == told.attachments:
        return record.decision
    message = replace(record.message, attachments=tuple(map(attachment_of, rows)))
    return decide(replace(record, message=message))


def differs(decision: Decision | None, stored: Decision) -> bool:
    """Tell whether there is a decision to be written in the place of the stored one."""
    if decision is None:
        return False
    return set(decision.tags) != set(stored.tags) or set(decision.rules) != set(stored.rules)
