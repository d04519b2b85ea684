"""Position: the cursor of an IMAP mailbox, as numbers.

Each value is one Redis key that an operator may read, and may change: whatever is found there must lead somewhere safe.

| key | meaning |
| --- | --- |
| `last_uid` | every UID up to here was published, is dead, or is gone; set to 0: read everything again |
| `uidvalidity` | the numbering that `last_uid` belongs to |
| `modseq` | every flag change up to here was published; 0: the server cannot tell |
| `changed_modseq` | not 0: the flag changes from `modseq` up to this one are being published … |
| `changed_to` | … and those of the UIDs up to here have been |
| `last_reconcile` | when it was last compared as a whole, ISO 8601, UTC; `due`: to be done next |
| `read_again_to` | up to this UID mails are published although they are known: `last_uid` was set to 0 |
| `compare_to` | up to this UID mails are fetched only if they are missing: the cursor was lost |
| `resolve_to` | up to this UID the database tells the source id: the mailbox was renumbered |
| `was_empty` | 1: `last_uid` is 0 since there was no mail yet, and not because everything is to be read again |
| `settling` | 1: nothing is read until all tickets of the mailbox are settled: it has just been renumbered |
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from src.model.cursor import Cursor


@dataclass(frozen=True, slots=True)
class Position:
    """How far one mailbox was read."""

    uidvalidity: int = 0
    last_uid: int = 0
    modseq: int = 0
    changed_modseq: int = 0
    changed_to: int = 0
    last_reconcile: datetime | None = None  # None: due
    read_again_to: int = 0
    compare_to: int = 0
    resolve_to: int = 0
    was_empty: bool = False
    settling: bool = False

    @classmethod
    def of(cls, cursor: Cursor) -> "Position | None":
        """Read a cursor; None when it is lost: without `last_uid` or `uidvalidity`, or with these unreadable."""
        if not all(_is_number(cursor.values.get(name, "")) for name in ("last_uid", "uidvalidity")):
            return None
        return cls(
            uidvalidity=cursor.get_int("uidvalidity"),
            last_uid=cursor.get_int("last_uid"),
            modseq=cursor.get_int("modseq"),
            changed_modseq=cursor.get_int("changed_modseq"),
            changed_to=cursor.get_int("changed_to"),
            last_reconcile=_read_time(cursor.values.get("last_reconcile", "")),
            read_again_to=cursor.get_int("read_again_to"),
            compare_to=cursor.get_int("compare_to"),
            resolve_to=cursor.get_int("resolve_to"),
            was_empty=cursor.get_int("was_empty") != 0,
            settling=cursor.get_int("settling") != 0,
        )

    def to_cursor(self) -> Cursor:
        """Return the cursor to be stored. `last_poll` and `total_emails` are the stream's own."""
        return Cursor(
            {
                "last_uid": str(self.last_uid),
                "uidvalidity": str(self.uidvalidity),
                "modseq": str(self.modseq),
                "changed_modseq": str(self.changed_modseq),
                "changed_to": str(self.changed_to),
                "last_reconcile": _write_time(self.last_reconcile) if self.last_reconcile else "due",
                "read_again_to": str(self.read_again_to),
                "compare_to": str(self.compare_to),
                "resolve_to": str(self.resolve_to),
                "was_empty": str(int(self.was_empty)),
                "settling": str(int(self.settling)),
            }
        )

    @property
    def is_to_be_read_again(self) -> bool:
        """Tell whether an operator set `last_uid` to 0."""
        return self.last_uid == 0 and not self.was_empty and not self.force_to

    @property
    def force_to(self) -> int:
        """Up to this UID mails are published even if they were published lately."""
        return max(self.read_again_to, self.compare_to)

    def reconcile_is_due(self, now: datetime, interval_s: float) -> bool:
        """Tell whether the mailbox is to be compared as a whole; also when the clock was set back since."""
        if self.last_reconcile is None:
            return True
        return not 0 <= (now - self.last_reconcile).total_seconds() < interval_s


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _write_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _read_time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:  # `due`, missing, or edited by hand
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
