"""What Google Takeout adds to the mails of its mbox: labels, the thread and, in the separator, the message id.

`X-Gmail-Labels` holds labels between commas, as encoded words where they are not ASCII, and in double quotes where a
label has a comma of its own. The names are in the language of the account.
"""

import re
from email.errors import HeaderParseError
from email.header import decode_header

from src.model.envelope import GmailIds

MAX_LABELS = 1000  # of one mail; Gmail itself allows 10,000 of an account

_FIELD = re.compile(rb"^(X-Gmail-Labels|X-GM-THRID):((?:[^\n]*\n[ \t])*[^\n]*)", re.IGNORECASE | re.MULTILINE)
_LABEL = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^,]*))\s*(?:,|$)')
_MESSAGE_ID = re.compile(rb"From (\d{15,20})@xxx ")
_MAX_GMAIL_ID = 2**64


def takeout_facts(separator: bytes, header: bytes) -> tuple[tuple[str, ...] | None, GmailIds | None]:
    """Return the labels (None: not told) and Gmail's ids (None: not from Takeout)."""
    if b"X-G" not in header:
        return None, None
    fields = {name.lower(): value for name, value in reversed(_FIELD.findall(header))}
    labels = fields.get(b"x-gmail-labels")
    thread_id = _hex_id(fields.get(b"x-gm-thrid", b""))
    message_id = _MESSAGE_ID.match(separator)
    ids = GmailIds(_hex_id(message_id[1]) if message_id else "", thread_id) if thread_id else None
    return (None if labels is None else parse_labels(labels)), ids


def parse_labels(value: bytes) -> tuple[str, ...]:
    """Return the labels of an `X-Gmail-Labels` value, sorted."""
    text = _decoded(" ".join(value.decode("utf-8", "replace").split()))
    found: set[str] = set()
    for match in _LABEL.finditer(text):
        quoted, plain = match.groups()
        label = (re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain).strip()
        if label and len(found) < MAX_LABELS:
            found.add(label)
    return tuple(sorted(found))


def _decoded(text: str) -> str:
    try:
        parts = decode_header(text)
        return "".join(
            part if isinstance(part, str) else part.decode(charset or "raw-unicode-escape") for part, charset in parts
        )
    except (HeaderParseError, LookupError, ValueError):  # bad base64, unknown charset, bytes of another charset
        return text


def _hex_id(decimal: bytes) -> str:
    text = decimal.strip()
    number = int(text) if text.isdigit() and len(text) <= 20 else 0
    return f"{number:x}" if 0 < number < _MAX_GMAIL_ID else ""
