"""The last step of every extractor: text in its stored form, cut at the limit, with what else is worth knowing."""

from collections.abc import Mapping

from src.attachments.extractor import NotExtractedError
from src.attachments.limits import Limits
from src.model.extraction import Extracted, Extraction
from src.text.normalise import clean, cut, one_line

METADATA_CHARS = 200  # of one value


def finished(
    text: str,
    limits: Limits,
    metadata: Mapping[str, str | int] | None = None,
    *,
    was_cut: bool = False,
    unread: NotExtractedError | None = None,
) -> Extraction:
    """Return `text` as an Extraction. `was_cut`: more was there; `unread`: why something of it was not read."""
    kept, is_cut = cut(clean(text).strip(), limits.text_chars)
    known = {name: _short(value) for name, value in (metadata or {}).items() if value not in ("", None)}
    outcome = Extracted.TEXT if kept else unread.outcome if unread else Extracted.EMPTY
    reason = unread.reason if unread else ""
    return Extraction(outcome, text=kept, reason=reason, truncated=was_cut or is_cut, metadata=known)


def _short(value: str | int) -> str | int:
    return one_line(value, METADATA_CHARS) if isinstance(value, str) else value
