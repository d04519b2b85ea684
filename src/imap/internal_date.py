"""INTERNALDATE: when a mail came to the server (RFC 9051 section 2.3.3), as aware UTC."""

import re
from datetime import UTC, datetime, timedelta

# Blanks, one-digit days and hours, a missing zone and a zone with a colon all occur.
_DATE = re.compile(
    rb"\s*(\d{1,2})-([A-Za-z]{3})-(\d{4})\s+(\d{1,2}):(\d{2}):(\d{2})(?:\.\d+)?\s*(?:([+-])\s?(\d{2}):?(\d{2}))?"
)
_MONTHS = {name: number for number, name in enumerate(b"jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
_LEAP_SECOND = 60


def parse_internal_date(text: bytes) -> datetime | None:
    """Return the moment; without a zone it counts as UTC. None for what is no date."""
    found = _DATE.match(text)
    month = _MONTHS.get(found[2].lower()) if found else None
    if found is None or month is None:
        return None
    day, year, hour, minute, second = (int(found[group]) for group in (1, 3, 4, 5, 6))
    offset = timedelta(hours=int(found[8] or 0), minutes=int(found[9] or 0))
    try:
        local = datetime(year, month, day, hour, minute, min(second, _LEAP_SECOND - 1), tzinfo=UTC)
        return local + offset if found[7] == b"-" else local - offset
    except (ValueError, OverflowError):
        return None
