"""The fields of a message's header block with their meaning: people, subject, date, ids."""

from datetime import datetime

from src.mail import addresses, dates, message_ids
from src.mail.defects import Defect
from src.mail.headers import Headers
from src.mail.limits import Limits
from src.model.message import Address


def subject(headers: Headers, limits: Limits) -> str:
    """Return the subject on one line."""
    return headers.text("subject", limits.subject_chars)


def people(headers: Headers, name: str, limits: Limits, defects: set[Defect]) -> tuple[Address, ...]:
    """Return the addresses of a field."""
    value = headers.raw(name)
    if not value:
        return ()
    found, was_cut = addresses.read(value, limits)
    if was_cut:
        defects.add(Defect.TOO_MANY_ADDRESSES)
    if not found and not value.rstrip().endswith(";"):  # an empty group: "undisclosed-recipients:;"
        defects.add(Defect.BAD_ADDRESS)
    return found


def sender(headers: Headers, limits: Limits, defects: set[Defect]) -> Address | None:
    """Return the first of From, else of Sender."""
    for name in ("from", "sender"):
        found = people(headers, name, limits, defects)
        if found:
            return found[0]
    defects.add(Defect.MISSING_FROM)
    return None


def date(headers: Headers, defects: set[Defect]) -> datetime | None:
    """Return the moment of Date, aware UTC."""
    value = headers.raw("date")
    if not value:
        defects.add(Defect.MISSING_DATE)
        return None
    found = dates.read(value)
    if found is None:
        defects.add(Defect.BAD_DATE)
    return found


def message_id(headers: Headers, name: str, limits: Limits) -> str:
    """Return the first id of a field."""
    value = headers.raw(name)
    return message_ids.first(value, limits.message_id_chars) if value else ""


def references(headers: Headers, max_ids: int, limits: Limits) -> tuple[str, ...]:
    """Return the ids of References, oldest first."""
    value = headers.raw("references")
    return message_ids.all_of(value, max_ids=max_ids, max_chars=limits.message_id_chars) if value else ()
