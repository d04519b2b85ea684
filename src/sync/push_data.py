"""What Gmail puts into a push: whose mailbox changed. Pure; a push may hold anything.

Its historyId is not read: whoever syncs from a pushed id loses what lies between, so a push is a hint and no more.
Format: developers.google.com/workspace/gmail/api/guides/push, "Receive notifications".
"""

import orjson

from src.common.logs import account_tag

MAX_DATA_BYTES = 4096  # of one push; Gmail's have under 100
_MAX_ADDRESS_CHARS = 320  # 64 + "@" + 255, RFC 5321 section 4.5.3.1


def hint_tag(account: str) -> str:
    """Return the tag under which hints for an account travel: that of its address, whatever the case."""
    return account_tag(account.strip().casefold())


def changed_account(data: bytes) -> str | None:
    """Return the tag of the account that a push is about; None if Gmail did not make it."""
    if len(data) > MAX_DATA_BYTES:
        return None
    try:
        told = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    address = told.get("emailAddress") if isinstance(told, dict) else None
    if not isinstance(address, str) or "@" not in address or len(address) > _MAX_ADDRESS_CHARS:
        return None
    return hint_tag(address)
