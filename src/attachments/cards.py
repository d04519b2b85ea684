"""Calendars and vCards: what a reader would search for in them, a line for each property. Pictures, keys and files in
them are dropped, and so is what only programs need."""

import re
from collections.abc import Iterable, Iterator

from src.attachments.content_lines import ContentLine, content_lines, lines_of, unfolded
from src.attachments.extractor import Content
from src.attachments.limits import MB, Limits
from src.attachments.plain_text import PROBE_BYTES, PlainText, as_extraction
from src.model.extraction import Extraction
from src.text import charsets
from src.text.normalise import clean, cut

SOURCE_BYTES = 8 * MB  # read; pictures in base64 are most of a larger one

_TECHNICAL = """
    VERSION PRODID CALSCALE METHOD UID DTSTAMP CREATED LAST-MODIFIED SEQUENCE REV TRANSP CLASS PRIORITY RRULE EXDATE
    RECURRENCE-ID TZID MAILER PROFILE LANG GEO KEY PHOTO LOGO SOUND CLIENTPIDMAP XML RELATED-TO SOURCE
"""
_FOR_PROGRAMS = frozenset(_TECHNICAL.split())
_FOR_THEIR_OWN_PROGRAMS = ("X-MS-", "X-MICROSOFT-", "X-APPLE-", "X-MOZ-", "X-LIC-", "X-GOOGLE-", "X-AB", "X-ALT-DESC")
_PASSED_OVER = ("VTIMEZONE", "VALARM")  # components that hold no words
_STRUCTURED = ("N", "ADR", "ORG", "LABEL")
_PEOPLE = ("ATTENDEE", "ORGANIZER")
_MOMENT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)\d\d(Z?))?")
_SCHEME = re.compile(r"^(?:mailto|tel):", re.IGNORECASE)


class Cards:
    """Plays `Extractor` for text/calendar and text/vcard."""

    def extract(self, data: Content, limits: Limits) -> Extraction:
        source = data.first(SOURCE_BYTES)
        if b"\0" in source[:PROBE_BYTES]:
            return PlainText().extract(data, limits)  # UTF-16, or no text at all
        is_cut = len(source) < data.size_bytes
        found = charsets.decode(unfolded(source), data.charset, is_cut=is_cut)
        lines, are_more = lines_of(found.text)
        shown = list(_shown(content_lines(lines), limits.text_chars))
        if not shown:
            return PlainText().extract(data, limits)  # it is called so, and is none
        text, was_cut = cut(clean("\n".join(shown)).strip(), limits.text_chars)
        return as_extraction(text, was_cut=was_cut or is_cut or are_more, charset=found.charset)


def _shown(lines: Iterable[ContentLine], room: int) -> Iterator[str]:
    """Yield the lines of text, an empty one before each component, until there is more than `room` for."""
    inside = ""
    for line in lines:
        name = line.name
        if name == "BEGIN":
            component = line.value.strip().upper()
            inside = inside or (component if component in _PASSED_OVER else "")
            yield ""
        elif name == "END":
            inside = "" if line.value.strip().upper() == inside else inside
        elif not inside and name not in _FOR_PROGRAMS and not name.startswith(_FOR_THEIR_OWN_PROGRAMS):
            value = "" if line.is_data else _readable(line)
            if value:
                yield f"{name}: {value}"
                room -= len(name) + len(value)
        if room < 0:
            return


def _readable(line: ContentLine) -> str:
    if line.name in _STRUCTURED:
        return ", ".join(line.fields)
    text = _SCHEME.sub("", line.text.strip())
    if line.name in _PEOPLE:
        named = line.parameters.get("CN", "")
        return f"{named} <{text}>" if named and text and named != text else named or text
    moment = _MOMENT.fullmatch(text)
    return _as_people_write(moment, line.parameters.get("TZID", "")) if moment else text


def _as_people_write(moment: re.Match[str], zone: str) -> str:
    year, month, day, hour, minute, is_utc = moment.groups()
    if hour is None:
        return f"{year}-{month}-{day}"
    return f"{year}-{month}-{day} {hour}:{minute} {'UTC' if is_utc else zone}".rstrip()
