"""Allowance: what the attachments of one mail may take together. The bounds of a single one hold besides.

Without it a mail of 2 MB with a thousand small PDFs, each of which hangs its readers, would keep a worker's children
for hours, and a thousand small archives would give a gigabyte of text. What comes after a bound was met is stored
without its text, with a reason by which it can be read later.
"""

import time
from collections.abc import Callable

from src.model.extraction import Attachment, AttachmentPart

MAIL_SECONDS = 900.0  # six attachments that take all the time one may have; any after that are left out
MAIL_CHARS = 10 * 1024 * 1024  # of text: ten attachments that fill their bound; it is held in memory until it is stored
TOO_LONG, TOO_MUCH = "mail_takes_too_long", "mail_holds_too_much"

Keep = Callable[[AttachmentPart], Attachment]
Leave = Callable[[AttachmentPart, str], Attachment]


class Allowance:
    """Keeps the attachments of one mail until its allowance is used up, and leaves the rest."""

    def __init__(self, keep: Keep, leave: Leave, *, seconds: float = MAIL_SECONDS, chars: int = MAIL_CHARS) -> None:
        self._keep = keep
        self._leave = leave
        self._ends_at = time.monotonic() + seconds
        self._chars_left = chars

    def keep(self, part: AttachmentPart) -> Attachment:
        """Return what is stored of `part`. Raises what `keep` and `leave` raise."""
        if time.monotonic() >= self._ends_at:
            return self._leave(part, TOO_LONG)
        if self._chars_left <= 0:
            return self._leave(part, TOO_MUCH)
        kept = self._keep(part)
        self._chars_left -= len(kept.extraction.text)
        return kept
