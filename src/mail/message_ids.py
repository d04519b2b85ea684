"""Message-ID, In-Reply-To and References: ids without their angle brackets."""

import re

from src.text.normalise import one_line

_BRACKETED = re.compile(r"<([^<>]{1,1000})>")


def first(value: str, max_chars: int) -> str:
    """Return the first id of a field; without brackets, the whole of a value that has no spaces."""
    found = _BRACKETED.search(value)
    if not found and " " in value.strip():
        return ""
    return _cleaned(found[1] if found else value.strip("<> "), max_chars)


def all_of(value: str, *, max_ids: int, max_chars: int) -> tuple[str, ...]:
    """Return the ids of a field, oldest first, each once; over `max_ids` the first and the latest are kept."""
    ids = _BRACKETED.findall(value)
    if not ids and value and "<" not in value:
        ids = [word for word in value.split() if "@" in word]
    unique = tuple(dict.fromkeys(_cleaned(found, max_chars) for found in ids))
    return unique if len(unique) <= max_ids else (unique[0], *unique[len(unique) - max_ids + 1 :])


def _cleaned(message_id: str, max_chars: int) -> str:
    """White space inside an id is a trace of folding."""
    if not message_id.isascii():
        message_id = one_line(message_id, max_chars)
    return message_id.replace(" ", "")[:max_chars]
