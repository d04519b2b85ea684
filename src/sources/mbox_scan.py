"""Where each mail of an mbox begins and ends. Finds offsets only; holds no mail.

A mail begins at a separator: a line `From SENDER DATE`. Lines of that look also occur in bodies, so a line counts only
- after an empty line (or at the file's start) with a date, or with a well-known header field in the next line
  (Thunderbird writes a bare `From `), or
- without an empty line before it (some writers forget it) if it has a date *and* a header field follows.
A `Content-Length` is believed only if it leads exactly to a separator or to the end of the file.

The line ends may be LF or CRLF. The empty line before the next separator belongs to the mbox, not to the mail.
Formats: Jamie Zawinski, "mail summary files"; qmail's mbox(5); RFC 4155 section 4.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from src.sources.file_bytes import FileBytes

HEADER_WINDOW_BYTES = 64 * 1024  # how far a mail's header is searched for fields of interest
LINE_WINDOW_BYTES = 1024  # how much of a separator and of the line after it is looked at
BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # some editors put it before the first separator

_NEWLINE_FROM = b"\nFrom "
_DATE = re.compile(
    rb"(?P<month>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s+(?P<day>\d{1,2})\s+"
    rb"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?\s+"
    rb"(?:(?P<zone_before>[+-]\d{4}|[A-Z]{2,5}(?: [A-Z]{2,5})?)\s+)?(?P<year>\d{4})(?:\s+(?P<zone_after>[+-]\d{4}))?"
)
_FIELD = re.compile(rb"[!-9;-~]{1,100}[ \t]*:|>From ")  # RFC 5322 section 3.6.8; `>From ` as old sendmails wrote
_KNOWN_FIELD = re.compile(
    rb"(?:X-[!-9;-~]{1,98}|Received|Return-Path|Delivered-To|Message-ID|Date|From|To|Subject|MIME-Version)[ \t]*:",
    re.IGNORECASE,
)
_HEADER_END = re.compile(rb"^\r?\n|\n\r?\n")
_CONTENT_LENGTH = re.compile(rb"^Content-Length:[ \t]*(\d{1,15})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


@dataclass(frozen=True, slots=True)
class MailSpan:
    """Where one mail lies in an mbox; all offsets from the file's start."""

    start: int  # of the separator line
    raw_start: int  # of the mail itself
    raw_stop: int  # its end, without the empty line that ends it
    stop: int  # of the next separator; the file's size for the last mail
    is_quoted: bool  # False: delimited by Content-Length around an unquoted `From ` line, so nothing is unquoted
    separator: bytes  # the line, cut at 1 KiB
    header: bytes  # the first part of the mail's header, cut at 64 KiB


def first_mail(file: FileBytes) -> int | None:
    """Return where the first separator begins; None if the file has none. What lies before it is no mail."""
    start = len(BYTE_ORDER_MARK) if file.read(0, len(BYTE_ORDER_MARK)) == BYTE_ORDER_MARK else 0
    return start if _is_separator(file, start) else _next_separator(file, start)


def may_begin(file: FileBytes, at: int) -> bool:
    """Tell whether a mail begins at `at`, or may begin there once the file has grown."""
    return at >= file.size_bytes or _is_separator(file, at)


def span_at(file: FileBytes, start: int) -> MailSpan:
    """Return where the mail lies whose separator begins at `start`."""
    separator = _line(file, start)
    raw_start = _line_end(file, start)
    window = file.read(raw_start, raw_start + HEADER_WINDOW_BYTES)
    header_end = _HEADER_END.search(window)
    header = window[: header_end.end()] if header_end else window
    stop, is_quoted = _stop(file, raw_start, header, is_whole=header_end is not None)
    raw_stop = _without_blank_line(file, raw_start, stop)
    return MailSpan(start, raw_start, raw_stop, stop, is_quoted, separator, header[: raw_stop - raw_start])


def envelope_date(separator: bytes) -> datetime | None:
    """Return the date of a separator line, aware UTC; None if it has none. Without a zone it counts as UTC."""
    match = _DATE.search(separator)
    if match is None:
        return None
    month = _MONTHS.index(match["month"]) + 1
    zone = match["zone_before"] or match["zone_after"] or b""
    try:
        local = datetime(
            int(match["year"]),
            month,
            int(match["day"]),
            int(match["hour"]),
            int(match["minute"]),
            int(match["second"] or 0),
            tzinfo=UTC,
        )
        return local - _offset(zone)
    except (ValueError, OverflowError):  # 31 February, 25:00, year 0
        return None


def _offset(zone: bytes) -> timedelta:
    if len(zone) != 5 or not zone[1:].isdigit():
        return timedelta()
    minutes = int(zone[1:3]) * 60 + int(zone[3:5])
    return timedelta(minutes=-minutes if zone.startswith(b"-") else minutes)


def _stop(file: FileBytes, raw_start: int, header: bytes, *, is_whole: bool) -> tuple[int, bool]:
    """Return where the mail ends (the next separator or the file's end), and whether its lines are quoted."""
    found = _next_separator(file, raw_start)
    by_scan = file.size_bytes if found is None else found
    promised = _CONTENT_LENGTH.search(header) if is_whole else None
    if promised is None:
        return by_scan, True
    by_length = _landing(file, raw_start + len(header) + int(promised[1]))
    if by_length is None or by_length <= by_scan:  # an end before the first separator only confirms the scan or lies
        return by_scan, True
    return by_length, False


def _landing(file: FileBytes, end: int) -> int | None:
    """Return the separator, or the file's end, to which a promised length leads; None if it leads elsewhere."""
    rest = file.read(end, end + 2)
    for blank in (b"", b"\n", b"\r\n"):
        at = end + len(blank)
        if rest.startswith(blank) and (at == file.size_bytes or (at < file.size_bytes and _is_separator(file, at))):
            return at
    return None


def _next_separator(file: FileBytes, start: int) -> int | None:
    while (found := file.find(_NEWLINE_FROM, start)) >= 0:
        if _is_separator(file, found + 1):
            return found + 1
        start = found + 1
    return None


def _is_separator(file: FileBytes, at: int) -> bool:
    line = _line(file, at)
    if not line.startswith(b"From "):
        return False
    following = file.read(at + len(line), at + len(line) + LINE_WINDOW_BYTES)
    has_date = _DATE.search(line) is not None
    if _follows_blank_line(file, at):
        return has_date or (len(line.split()) <= 2 and _KNOWN_FIELD.match(following) is not None)
    return has_date and _FIELD.match(following) is not None


def _follows_blank_line(file: FileBytes, at: int) -> bool:
    before = file.read(max(at - 3, 0), at)
    return before in (b"", b"\n", b"\r\n", BYTE_ORDER_MARK) or before.endswith((b"\n\n", b"\n\r\n"))


def _line(file: FileBytes, start: int) -> bytes:
    window = file.read(start, start + LINE_WINDOW_BYTES)
    return window[: window.find(b"\n") + 1] or window


def _line_end(file: FileBytes, start: int) -> int:
    found = file.find(b"\n", start)
    return file.size_bytes if found < 0 else found + 1


def _without_blank_line(file: FileBytes, raw_start: int, stop: int) -> int:
    tail = file.read(max(raw_start, stop - 4), stop)
    for blank in (b"\r\n", b"\n"):
        if tail.endswith(b"\n" + blank) or tail == blank:
            return stop - len(blank)
    return stop
