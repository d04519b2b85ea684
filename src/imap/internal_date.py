"""INTERNALDATE: when a mail came to the server (RFC 9051 section 2.3.3), as aware UTC."""

import re
from datetime import UTC, datetime, timedelta

# Blanks, one-digit days and hours, a missing zone and a zone with a colon all occur.
_DATE = re.compile(
    rb"\s*(\d{1,2})-([A-Za-z]{3})-(\d{4})\s+(\d{1,2}):(\d{2}):(\d{2})(?:\.\d+)?\s*(?:([+-])\s?(\d{2}):?(\d{2}))?"
)
_MONTHS = {name: number for number, name in enumerate(b"jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}


def parse_internal_date(text: bytes) -> datetime | None:
    """Return the moment; without a zone it counts as UTC. None for what is no date."""
    found = _DATE.match(text)
    if found is None:
        return None
    day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = found.groups()
    try:
        local = datetime(
            int(year), _MONTHS[month.lower()], int(day), int(hour), int(minute), min(int(second), 59), tzinfo=UTC
        )  # 60 is a leap second
        offset = timedelta(hours=int(zone_hours or 0), minutes=int(zone_minutes or 0))
        return (local + offset if sign == b"-" else local - offset) if offset else local
    except (KeyError, ValueError, OverflowError):
        return None
