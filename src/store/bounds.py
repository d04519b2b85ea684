"""What a database can hold: clean text, numbers in range, keys short enough for an index.

Messages come clean from the parser; this is the second fence, since one NUL would have PostgreSQL refuse a batch.
"""

from typing import Any

import orjson

from src.common.errors import DatabaseRefusedError

MAX_NUMBER = 2**63 - 1  # of a bigint, on both databases
# PostgreSQL takes at most 2,704 bytes in a row of a btree index: account and source id share one, and so do account
# and mailbox.
MAX_KEY_BYTES = {"account": 500, "source id": 2_000, "mailbox": 2_000}
MAX_MESSAGE_ID_BYTES = 2_000  # longer ones are cut: nobody can mean them, and they are indexed


def clean(text: str) -> str:
    """Return `text` without NULs and with lone surrogates replaced; almost always `text` itself."""
    if "\0" in text:
        text = text.replace("\0", "")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return text


def cut(text: str, max_bytes: int) -> str:
    """Return the beginning of a clean text that fits into `max_bytes` of UTF-8, never half a character."""
    if len(text) * 4 <= max_bytes:
        return text
    return text.encode()[:max_bytes].decode("utf-8", "ignore")


def check_key(name: str, text: str) -> str:
    """Return `text` clean. Raises DatabaseRefusedError if it is too long to be part of an index."""
    text = clean(text)
    limit = MAX_KEY_BYTES[name]
    if len(text) * 4 > limit and len(text.encode()) > limit:
        raise DatabaseRefusedError(f"{name}: expected at most {limit} bytes, found {len(text.encode())}")
    return text


def check_number(name: str, value: int) -> int:
    """Return `value`. Raises DatabaseRefusedError if it is not a whole number that a bigint holds, from 0."""
    if not 0 <= value <= MAX_NUMBER:
        raise DatabaseRefusedError(f"{name}: expected 0 to {MAX_NUMBER}, found a number outside")
    return value


def to_json(value: Any) -> str:
    """Return `value` as JSON with clean texts. Numbers that JSON cannot hold become text."""
    if not value and isinstance(value, tuple | list | dict):
        return "{}" if isinstance(value, dict) else "[]"
    try:
        encoded = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # lone surrogates, or whole numbers over 64 bits
        return orjson.dumps(_cleaned(value)).decode()
    if b"\\u0000" in encoded:
        return orjson.dumps(_cleaned(value)).decode()
    return encoded.decode()


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(name)): _cleaned(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    if isinstance(value, bool | None) or (isinstance(value, int | float) and abs(value) <= MAX_NUMBER):
        return value
    return clean(str(value))
