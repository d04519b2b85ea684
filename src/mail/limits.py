"""Every bound of the parser, with unit and reason. Past a bound a mail is not refused: the rest is left out, and a
defect says so."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)  # compared by identity: it is part of a cache's key, and hashed often
class Limits:
    """Bounds for one mail."""

    depth: int = 100  # levels of nested parts; real mail has under 10, hostile mail tens of thousands
    parts: int = 1_000  # parts of one mail; a digest of a busy list has some hundreds
    header_block_bytes: int = 1024 * 1024  # one header block; real ones stay under 100 KB
    line_chars: int = 64 * 1024  # one unfolded header field; long To lists reach 30 KB
    header_fields: int = 2_000  # fields read of one block; real ones have up to some hundred Received lines
    addresses: int = 2_000  # of one address field
    parameters: int = 100  # of one Content-Type or Content-Disposition
    boundary_bytes: int = 256  # RFC 2046 allows 70; some senders ignore it
    references: int = 200  # message ids kept of References: the first, which names the thread, and the latest
    message_id_chars: int = 998  # a line's length in RFC 5322
    subject_chars: int = 4_000  # longer ones are no subjects
    name_chars: int = 500  # display name of an address
    address_chars: int = 320  # RFC 5321: 64 + @ + 255
    kept_headers: int = 200  # entries of Message.headers
    kept_header_chars: int = 4_000  # of one value in Message.headers
    kept_headers_total_chars: int = 64 * 1024  # of all values in Message.headers
    body_chars: int = 1024 * 1024  # of Message.body_text: 500 pages; full-text search past it helps nobody
    html_bytes: int = 8 * 1024 * 1024  # HTML source read for the body; markup is 5 to 10 times its text
    html_preview_chars: int = 500  # CONTRACT.md


DEFAULT = Limits()
