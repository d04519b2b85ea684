"""How long Google asks us to wait, in each of the three forms in which it says so. Pure.

`Retry-After: 120` and `Retry-After: Fri, 01 May 2026 12:00:00 GMT` (RFC 9110 section 10.2.3), and in the text of the
error "… Retry after 2026-05-01T12:00:00.000Z". A time is held against the answer's own `Date`, where it has one, so
that our clock may be wrong.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*", re.ASCII)
_IN_TEXT = re.compile(
    r"retry after\s+(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))", re.IGNORECASE | re.ASCII
)
_MAX_HEADER_CHARS = 100  # of a date; parsing more is not worth a thought


def retry_after_s(*, header: str, text: str, date: str, now: datetime) -> float | None:
    """Return how long to wait, in seconds and above 0, or None if nothing is said or the time has come.

    `header`: the value of Retry-After; `text`: the error's; `date`: the value of the answer's Date header; `now`: our
    own time, for answers without one. Of two times told the later counts.
    """
    seconds = _SECONDS.fullmatch(header)
    now = http_date(date) or now
    times = [at for at in (http_date(header), _time_in(text)) if at]
    waits = [float(seconds[1])] if seconds else []
    waits += [(at - now).total_seconds() for at in times]
    longest = max(waits, default=0.0)
    return longest if longest > 0 else None


def http_date(value: str) -> datetime | None:
    """Return the time of an HTTP date, in any of its three forms (RFC 9110 section 5.6.7); None if it is none."""
    if not value or len(value) > _MAX_HEADER_CHARS:
        return None
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else _utc(at)


def _time_in(text: str) -> datetime | None:
    found = _IN_TEXT.search(text)
    if not found:
        return None
    try:
        return _utc(datetime.fromisoformat(found[1]))
    except ValueError:
        return None


def _utc(at: datetime) -> datetime | None:
    try:
        return at.astimezone(UTC)
    except (OverflowError, ValueError):  # the first or the last day of all calendars
        return None
