"""Message-ID, In-Reply-To and References: ids without their angle brackets."""

import re

_BRACKETED = re.compile(r"<([^<>]{1,1000})>")


def first(value: str, max_chars: int) -> str:
    """Return the first id of a field; without brackets, the whole of a value that has no spaces."""
    found = _BRACKETED.search(value)
    message_id = found[1] if found else value.strip("<> ")
    message_id = message_id.replace(" ", "")[:max_chars]
    return message_id if found or " " not in value.strip() else ""


def all_of(value: str, *, max_ids: int, max_chars: int) -> tuple[str, ...]:
    """Return the ids of a field, oldest first, each once; over `max_ids` the first and the latest are kept."""
    ids = [found.replace(" ", "")[:max_chars] for found in _BRACKETED.findall(value)]
    if not ids and value and "<" not in value:
        ids = [word[:max_chars] for word in value.split() if "@" in word]
    unique = tuple(dict.fromkeys(ids))
    return unique if len(unique) <= max_ids else (unique[0], *unique[len(unique) - max_ids + 1 :])
