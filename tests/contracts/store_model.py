"""What the database must hold after any records in any order, said as plainly as possible: the oracle of the contract.

It looks at all records of a mail at once, where the store joins them one after another.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from src.model.envelope import Kind, Place
from src.model.message import Record


@dataclass(frozen=True)
class Expected:
    """What is to be seen of one mail."""

    place: Place
    labels: tuple[str, ...]
    is_deleted: bool
    is_stored: bool


def expected(records: Iterable[Record]) -> dict[str, Expected]:
    """Return what is to be seen of each mail, by source id."""
    by_mail: dict[str, list[Record]] = {}
    for record in records:
        by_mail.setdefault(record.source_id, []).append(record)
    return {source_id: _expected(of_mail) for source_id, of_mail in by_mail.items()}


def _expected(records: list[Record]) -> Expected:
    living = sorted((r for r in records if r.kind is not Kind.DELETED), key=lambda r: r.version)
    deletions = sorted((r for r in records if r.kind is Kind.DELETED), key=lambda r: r.version)
    telling_labels = [r for r in living if r.labels is not None]
    return Expected(
        place=(living or deletions)[-1].place,
        labels=(telling_labels[-1].labels or ()) if telling_labels else (),
        is_deleted=bool(deletions) and (not living or deletions[-1].version >= living[-1].version),
        is_stored=any(r.kind is Kind.ADDED for r in records),
    )
