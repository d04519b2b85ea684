"""Refusals: which error a server's NO or BAD means, by its response code (RFC 5530), else by its words."""

import json
import re
from typing import Protocol

from src.common.errors import (
    IngestError,
    LoginRefusedError,
    MailboxMissingError,
    SourceRefusedError,
)
from src.common.logs import redact

_CODE = re.compile(rb"\s*\[([A-Z0-9-]+)", re.IGNORECASE)
# Passes by itself. CONTACTADMIN and SERVERBUG come with faults of the server, not of the password.
_PASSING = frozenset((b"UNAVAILABLE", b"INUSE", b"LIMIT", b"OVERQUOTA", b"SERVERBUG", b"CONTACTADMIN", b"THROTTLED"))
# Exchange says "User is authenticated but not connected" to a good password; Gmail explains its limits in an ALERT.
_PASSING_WORDS = re.compile(
    rb"authenticated but not connected|too many|try again|temporar|simultaneous|bandwidth|rate limit|throttl"
    rb"|server (?:is )?(?:busy|unavailable)|timed? ?out|internal error",
    re.IGNORECASE,
)
_MISSING = frozenset((b"NONEXISTENT", b"TRYCREATE"))
_MISSING_WORDS = re.compile(
    rb"(?:does ?n.t|does not|not) exist|no such mailbox|unknown (?:mailbox|folder)|(?:mailbox|folder) not found",
    re.IGNORECASE,
)
_DETAIL_CHARS = 200  # of a server's text in one of our messages


class CommandEnd(Protocol):
    """How a command ended."""

    @property
    def status(self) -> bytes: ...  # OK, NO or BAD
    @property
    def text(self) -> bytes: ...  # what follows it


def login_refusal(text: bytes, *, challenge: bytes = b"") -> IngestError:
    """Return the error for a refused log-in; `challenge` is the JSON that OAuth mechanisms send before their NO.

    A token that is expired, wrong, or another account's looks the same from here.
    """
    status = _challenge_status(challenge)
    if response_code(text) in _PASSING or _PASSING_WORDS.search(text) or status.startswith("5"):
        return SourceRefusedError(f"the mail server cannot log us in just now: {_detail(text)}")
    if challenge:
        return LoginRefusedError(
            f"the mail server refused the access token (status {status or 'not told'}): it is expired, wrong or for "
            f"another account; sign in again with --auth-setup. It said: {_detail(text)}"
        )
    return LoginRefusedError(f"the mail server refused name or password; it said: {_detail(text)}")


def command_refusal(command: str, end: CommandEnd) -> IngestError:
    """Return the error for a NO or BAD to any other command; `command` is its name without arguments."""
    return SourceRefusedError(f"the mail server answered {end.status.decode()} to {command}: {_detail(end.text)}")


def mailbox_refusal(command: str, mailbox: str, end: CommandEnd) -> IngestError:
    """Return the error for a NO or BAD to a command that names a mailbox."""
    if end.status == b"NO" and (response_code(end.text) in _MISSING or _MISSING_WORDS.search(end.text)):
        return MailboxMissingError(
            f"the mail server has no mailbox {redact(mailbox)!r}: check IMAP_MAILBOX, or whether it was renamed"
        )
    return command_refusal(command, end)


def response_code(text: bytes) -> bytes:
    """Return the code at the head of a response's text, in upper case; empty if none."""
    found = _CODE.match(text)
    return found[1].upper() if found else b""


def _challenge_status(challenge: bytes) -> str:
    """Return the `status` of an OAuth challenge; everything else of it may name the user and is dropped."""
    try:
        told = json.loads(challenge)
    except ValueError:
        return ""
    status = told.get("status") if isinstance(told, dict) else None
    return redact(str(status))[:20] if isinstance(status, str | int) else ""


def _detail(text: bytes) -> str:
    return redact(text.decode("utf-8", "replace"))[:_DETAIL_CHARS] or "nothing more"
