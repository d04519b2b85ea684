"""Mailbox names: modified UTF-7 on the wire (RFC 3501 section 5.1.3), UTF-8 once UTF8=ACCEPT is enabled (RFC 6855)."""

import re

from imapclient import imap_utf7

_NEEDS_ESCAPE = re.compile(rb'(["\\])')


def decode_name(wire: bytes, *, utf8: bool) -> str:
    """Return the name in plain. What is not validly encoded is taken as UTF-8."""
    if utf8:
        return wire.decode("utf-8", "replace")
    try:
        name: str = imap_utf7.decode(wire)
        if imap_utf7.encode(name) == wire:
            return name
    except (ValueError, UnicodeError):
        pass
    return wire.decode("utf-8", "replace")


def encode_name(name: str, *, utf8: bool) -> bytes:
    """Return the name as a quoted string of a command. Raises ValueError for line breaks and NUL."""
    if any(sign in name for sign in "\r\n\0"):
        raise ValueError("a mailbox name cannot hold line breaks")
    wire: bytes = name.encode("utf-8", "replace") if utf8 else imap_utf7.encode(name)
    return b'"' + _NEEDS_ESCAPE.sub(rb"\\\1", wire) + b'"'
