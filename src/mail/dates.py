"""Date fields, as RFC 5322 writes them and as they come, to aware UTC."""

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz

MAX_CHARS = 200  # a real one has 31 to 60

_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: n for n, name in enumerate(_NAMES, 1)}
# What nearly all are. Groups: day, month, year, time, hours and minutes of the zone.
_USUAL = re.compile(
    r"(?:[A-Za-z]{3}, )?(\d\d?) (" + "|".join(_NAMES).title() + r") (\d{4}) (\d\d:\d\d:[0-5]\d) ([+-][01]\d)([0-5]\d)",
    re.ASCII,
)
_ISO_MONTHS = {name.title(): f"-{n:02}-" for name, n in _MONTHS.items()}
_RFC_5322 = re.compile(
    r"(?:[A-Za-z]{2,9}\.?,? +)?(\d{1,2})[ -]([A-Za-z]{3})[a-z]*[ -](\d{4}) +"
    r"(\d{1,2}):(\d\d)(?::(\d\d))? *([+-])(\d\d):?(\d\d)"
)


def read(value: str) -> datetime | None:
    """Return the moment that a Date field tells; None if nobody can tell."""
    try:
        found = _USUAL.match(value)
        if found:
            return _from_usual(found)
        found = _RFC_5322.match(value[:MAX_CHARS])
        if found:
            return _from_match(found)
        return _odd(value[:MAX_CHARS].strip())
    except (ValueError, OverflowError):
        return None


def _from_usual(found: re.Match[str]) -> datetime:
    """Let the standard library read it, which is in C for ISO 8601."""
    day, month, year, time, zone_hours, zone_minutes = found.groups()
    return datetime.fromisoformat(f"{year}{_ISO_MONTHS[month]}{day:0>2}T{time}{zone_hours}:{zone_minutes}").astimezone(
        UTC
    )


def _from_match(found: re.Match[str]) -> datetime | None:
    day, month_name, year, hour, minute, second, sign, zone_hours, zone_minutes = found.groups()
    month = _MONTHS.get(month_name.lower())
    if month is None:
        return None
    offset_minutes = int(zone_hours) * 60 + int(zone_minutes)
    # A leap second and a zone beyond a day occur; neither is a reason to lose the date.
    local = datetime(int(year), month, int(day), int(hour), int(minute), min(int(second or 0), 59), tzinfo=UTC)
    if offset_minutes > 24 * 60:
        return local
    return local - timedelta(minutes=offset_minutes) if sign == "+" else local + timedelta(minutes=offset_minutes)


def _odd(value: str) -> datetime | None:
    """Read ISO 8601, and what the standard library makes of the rest: zone names, two-digit years, missing parts."""
    if value[:4].isdigit() and value[4:5] == "-":
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        fields = parsedate_tz(value)
    except (TypeError, IndexError):  # what it raises on some broken input
        return None
    if fields is None:
        return None
    year, month, day, hour, minute, second = fields[:6]
    zone = timezone(timedelta(seconds=fields[9] or 0)) if abs(fields[9] or 0) < 86_400 else UTC
    return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone).astimezone(UTC)
