"""The API's JSON as values: the one place that knows its names. Pure; what is not as the API says is an error.

Raises GmailUnavailableError (`answer`): an answer that cannot be understood is asked for again, never guessed at.
64-bit numbers come as text; numbers are taken too. An empty list is left out of an answer.
"""

import binascii
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import pybase64

from src.common.errors import GmailUnavailableError
from src.sync.gmail_values import (
    HistoryPage,
    HistoryRecord,
    IdPage,
    Label,
    LabelChange,
    MessageFacts,
    MessageRef,
    Profile,
    RawMessage,
    Touched,
    Watch,
)

# Trimmed answers (`fields`), beside the functions below that read them.
PROFILE_FIELDS = "emailAddress,historyId,messagesTotal"
LABEL_FIELDS = "labels(id,name,type)"
LIST_FIELDS = "messages(id,threadId),nextPageToken,resultSizeEstimate"
_TOUCHED_FIELDS = "message(id,threadId,labelIds)"
HISTORY_FIELDS = (
    f"history(id,messagesAdded({_TOUCHED_FIELDS}),messagesDeleted({_TOUCHED_FIELDS}),"
    f"labelsAdded(labelIds,{_TOUCHED_FIELDS}),labelsRemoved(labelIds,{_TOUCHED_FIELDS})),historyId,nextPageToken"
)
FACTS_FIELDS = "id,threadId,historyId,labelIds,internalDate,sizeEstimate"
RAW_FIELDS = FACTS_FIELDS + ",raw"

Json = Mapping[str, Any]
Made = TypeVar("Made")

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)  # of mails and threads; hex in truth
_NUMBER = re.compile(r"\d{1,20}", re.ASCII)  # 64 bits at most
_MAX_LABEL_CHARS = 255  # of an id or a name; Gmail allows 225
_MAX_TOKEN_CHARS = 8192  # of a page token, which is part of the next address
_MAX_PARTS = 100_000  # of any list in an answer; Gmail gives 500
_LAST_MS = 253_402_300_799_999  # the end of the year 9999


def profile(told: Json) -> Profile:
    return Profile(_text(told, "emailAddress", 320), _history_id(told), _number(told, "messagesTotal", 0))


def labels(told: Json) -> tuple[Label, ...]:
    if "labels" not in told:
        raise garbage("labels are missing")  # every mailbox has those of the system
    return _each(told, "labels", _label)


def id_page(told: Json) -> IdPage:
    if not {"messages", "nextPageToken", "resultSizeEstimate"} & told.keys():
        raise garbage("it is empty")  # not to be taken for an empty mailbox, whose estimate is 0
    refs = _each(told, "messages", lambda one: MessageRef(_id(one, "id"), _id(one, "threadId")))
    return IdPage(refs, _next_page(told), _number(told, "resultSizeEstimate", 0))


def history_page(told: Json) -> HistoryPage:
    return HistoryPage(_each(told, "history", _record), _history_id(told), _next_page(told))


def message_facts(told: Json) -> MessageFacts:
    return MessageFacts(
        id=_id(told, "id"),
        thread_id=_id(told, "threadId"),
        history_id=_history_id(told),
        label_ids=_label_ids(told) or (),
        received_at=_time(told, "internalDate"),
        size_estimate_bytes=_number(told, "sizeEstimate", 0),
    )


def raw_message(told: Json) -> RawMessage:
    return RawMessage(message_facts(told), _decoded(_text(told, "raw", None)))


def watch(told: Json) -> Watch:
    return Watch(_history_id(told), _time(told, "expiration"))


def garbage(found: str) -> GmailUnavailableError:
    """Return the error for an answer that is not as the API says; `found` names no content."""
    return GmailUnavailableError(f"the Gmail API's answer cannot be understood: {found}")


def _record(told: Json) -> HistoryRecord:
    return HistoryRecord(
        id=_number(told, "id"),
        added=_each(told, "messagesAdded", _touched),
        deleted=_each(told, "messagesDeleted", _touched),
        labels_added=_each(told, "labelsAdded", _label_change),
        labels_removed=_each(told, "labelsRemoved", _label_change),
    )


def _touched(told: Json) -> Touched:
    message = told.get("message")
    if not isinstance(message, dict):
        raise garbage("a change without its mail")
    return Touched(_id(message, "id"), _id(message, "threadId"), _label_ids(message))


def _label_change(told: Json) -> LabelChange:
    return LabelChange(_touched(told), _label_ids(told) or ())


def _label(told: Json) -> Label:
    name = _text(told, "name", _MAX_LABEL_CHARS)
    return Label(_text(told, "id", _MAX_LABEL_CHARS), name, is_system=told.get("type") == "system")


def _each(told: Json, name: str, make: Callable[[Json], Made]) -> tuple[Made, ...]:
    parts = told.get(name, [])
    if not isinstance(parts, list) or len(parts) > _MAX_PARTS or not all(isinstance(part, dict) for part in parts):
        raise garbage(f"{name} is no list of objects")
    return tuple(make(part) for part in parts)


def _label_ids(told: Json) -> tuple[str, ...] | None:
    found = told.get("labelIds")
    if found is None:
        return None
    if not isinstance(found, list) or len(found) > _MAX_PARTS:
        raise garbage("labelIds is no list")
    if not all(isinstance(one, str) and 0 < len(one) <= _MAX_LABEL_CHARS for one in found):
        raise garbage("a label's id is none")
    return tuple(found)


def _id(told: Json, name: str) -> str:
    found = told.get(name)
    if not isinstance(found, str) or not _ID.fullmatch(found):
        raise garbage(f"{name} is no id")
    return found


def _text(told: Json, name: str, most_chars: int | None) -> str:
    found = told.get(name)
    if not isinstance(found, str) or (most_chars is not None and len(found) > most_chars):
        raise garbage(f"{name} is missing, no text or too long")
    return found


def _next_page(told: Json) -> str | None:
    return _text(told, "nextPageToken", _MAX_TOKEN_CHARS) or None if "nextPageToken" in told else None


def _history_id(told: Json) -> int:
    found = _number(told, "historyId")
    if found == 0:
        raise garbage("historyId is 0")
    return found


def _number(told: Json, name: str, default: int | None = None) -> int:
    found = told.get(name, default)
    if isinstance(found, str) and _NUMBER.fullmatch(found):
        found = int(found)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < 2**64:
        raise garbage(f"{name} is no number")
    return found


def _time(told: Json, name: str) -> datetime:
    millis = _number(told, name)
    if millis > _LAST_MS:
        raise garbage(f"{name} is no time")
    return datetime.fromtimestamp(millis / 1000, UTC)


def _decoded(raw: str) -> bytes:
    """Decode base64url, with its padding or without (RFC 4648 section 5)."""
    if "+" in raw or "/" in raw:  # of the other alphabet; the decoder would take both
        raise garbage("raw is no base64url")
    if len(raw) % 4:
        raw += "=" * (-len(raw) % 4)
    try:
        return pybase64.b64decode(raw, altchars="-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise garbage("raw is no base64url") from error
