"""How mails and history records look in answers.

As in proto3's JSON, an empty list is left out: a mail without labels has no `labelIds`.
"""

import email
import email.policy
import re
from collections.abc import Iterable, Iterator
from email.message import Message
from typing import Any

import pybase64

from tests.fakes.gmail.history import Change, Entry, Record
from tests.fakes.gmail.mailbox import Mail

Json = dict[str, Any]

_SNIPPET_CHARS = 200


def reference(mail: Mail) -> Json:
    """Return the form of `messages.list`: ids only."""
    return {"id": mail.id, "threadId": mail.thread_id}


def minimal(mail: Mail) -> Json:
    """Return all but the content."""
    body = re.split(rb"\r?\n\r?\n", mail.raw, maxsplit=1)[-1] if mail.raw else b""
    return {
        **reference(mail),
        **_label_ids(mail.labels),
        "snippet": " ".join(body[:_SNIPPET_CHARS].decode("ascii", "replace").split()),
        "sizeEstimate": len(mail.raw),
        "historyId": str(mail.history_id),
        "internalDate": str(mail.internal_date_ms),
    }


def raw(mail: Mail) -> Json:
    return {**minimal(mail), "raw": _base64url(mail.raw)}


def metadata(mail: Mail, wanted_headers: Iterable[str]) -> Json:
    """Return the headers without the content; no wanted ones means all."""
    parsed = _parsed(mail)
    wanted = {name.lower() for name in wanted_headers}
    headers = [header for header in _headers(parsed) if not wanted or header["name"].lower() in wanted]
    return {**minimal(mail), "payload": {"mimeType": parsed.get_content_type(), "headers": headers}}


def full(mail: Mail) -> Json:
    """Return the parts with their decoded bodies, attachments included: the fake gives no attachment ids."""
    return {**minimal(mail), "payload": _part(_parsed(mail), "")}


def history_record(record: Record, entries: Iterable[Entry], *, tells_labels: bool) -> Json:
    """Return a record with those of its entries that were asked for."""
    answer: Json = {"id": str(record.id), "messages": list(_touched(entries))}
    for entry in entries:
        answer.setdefault(entry.change.value, []).append(_entry(entry, tells_labels))
    return answer


def _entry(entry: Entry, tells_labels: bool) -> Json:
    message: Json = {"id": entry.mail_id, "threadId": entry.thread_id}
    if tells_labels and entry.change is not Change.DELETED:
        message.update(_label_ids(entry.labels))
    if entry.change in (Change.LABELS_ADDED, Change.LABELS_REMOVED):
        return {"message": message, "labelIds": list(entry.changed)}
    return {"message": message}


def _touched(entries: Iterable[Entry]) -> Iterator[Json]:
    for mail_id, thread_id in dict.fromkeys((entry.mail_id, entry.thread_id) for entry in entries):
        yield {"id": mail_id, "threadId": thread_id}


def _label_ids(labels: frozenset[str]) -> Json:
    return {"labelIds": sorted(labels)} if labels else {}


def _parsed(mail: Mail) -> Message:
    return email.message_from_bytes(mail.raw, policy=email.policy.compat32)


def _part(part: Message, part_id: str) -> Json:
    answer: Json = {
        "partId": part_id,
        "mimeType": part.get_content_type(),
        "filename": part.get_filename() or "",
        "headers": _headers(part),
    }
    inner = part.get_payload()
    if isinstance(inner, list):
        prefix = f"{part_id}." if part_id else ""
        parts = [_part(child, f"{prefix}{index}") for index, child in enumerate(inner) if isinstance(child, Message)]
        return {**answer, "body": {"size": 0}, "parts": parts}
    decoded = part.get_payload(decode=True)
    content = decoded if isinstance(decoded, bytes) else b""
    return {**answer, "body": {"size": len(content), "data": _base64url(content)}}


def _headers(part: Message) -> list[Json]:
    return [{"name": name, "value": str(value)} for name, value in part.items()]


def _base64url(content: bytes) -> str:
    return pybase64.b64encode(content, altchars="-_").decode()
