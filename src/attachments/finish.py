"""The last step of every extractor: text in its stored form, cut at the limit, with what else is worth knowing."""

from collections.abc import Mapping

from src.attachments.extractor import NotExtractedError
from src.attachments.language import language_of
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
    reason = unread.reason if unread else ""
    if not kept:
        return Extraction(unread.outcome if unread else Extracted.EMPTY, reason=reason, metadata=known)
    language = language_of(kept) or _two_letters(known.get("language"))
    if language:
        known["language"] = language  # what a file declares is often the program's, so that what is found comes first
    else:
        known.pop("language", None)
    return Extraction(Extracted.TEXT, text=kept, reason=reason, truncated=was_cut or is_cut, metadata=known)


def _two_letters(declared: str | int | None) -> str:
    """Return the language of a declaration such as `de-AT`; empty if it is none of ISO 639-1."""
    code = str(declared or "").replace("_", "-").partition("-")[0].lower()
    return code if len(code) == 2 and code.isascii() and code.isalpha() else ""


def _short(value: str | int) -> str | int:
    return one_line(value, METADATA_CHARS) if isinstance(value, str) else value
