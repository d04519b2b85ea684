"""The stream entry's JSON: written from an Envelope, read back as a Ticket. The names are those of CONTRACT.md.

People read it with `redis-cli XRANGE`, so it previews the mail; a worker needs only its identity.
"""

import json
from collections.abc import Mapping
from datetime import datetime

import orjson

from src.common.errors import TicketUnreadableError
from src.model.envelope import Envelope, GmailIds, Kind, Place
from src.model.ticket import Ticket

MAX_PAYLOAD_BYTES = 64 * 1024  # a ticket is for reading; the mail itself lies under its own key
BODY_TEXT_CHARS = 2000  # CONTRACT.md
BODY_HTML_CHARS = 500  # CONTRACT.md
SUBJECT_CHARS = 1000  # RFC 5322 lines hold 998; what is longer was folded, and is cut only in the preview
# What may be given up when a payload is too long, least useful first. Identity and labels never are.
_TRIMMED_FIRST = ("headers", "to", "body_html_preview", "body_text", "from", "subject", "message_id")
_TEXT_LIMITS = {"body_text": BODY_TEXT_CHARS, "body_html_preview": BODY_HTML_CHARS, "subject": SUBJECT_CHARS}
_EMPTY_PREVIEW: dict[str, object] = {
    "from": "",
    "to": [],
    "subject": "",
    "date": None,
    "body_text": "",
    "body_html_preview": "",
    "headers": {},
    "message_id": "",
}


def encode_payload(envelope: Envelope, preview_fields: Mapping[str, object]) -> bytes:
    """Return the payload of an envelope's entry, at most 64 KiB.

    `preview_fields` may hold `from`, `to`, `subject`, `date`, `body_text`, `body_html_preview`, `headers` and
    `message_id`; what is missing is empty. The headers are given up first when it is too long.
    """
    place, gmail = envelope.place, envelope.gmail
    payload: dict[str, object] = {
        "account": envelope.account,
        "source": envelope.source,
        "source_id": envelope.source_id,
        "kind": envelope.kind.value,
        "mailbox": place.mailbox,
        "uidvalidity": place.uidvalidity,
        "uid": place.uid,
        **_EMPTY_PREVIEW,
    }
    for name, value in preview_fields.items():
        limit = _TEXT_LIMITS.get(name)
        payload[name] = value[:limit] if limit is not None and isinstance(value, str) else value
    payload["size"] = envelope.size_bytes
    payload["fetched_at"] = envelope.fetched_at.isoformat()
    payload["received_at"] = envelope.received_at.isoformat() if envelope.received_at else None
    payload["labels"] = envelope.labels
    if gmail is not None:
        payload["gmail_message_id"] = gmail.message_id
        payload["gmail_thread_id"] = gmail.thread_id
        payload["gmail_history_id"] = gmail.history_id
        payload["label_ids"] = gmail.label_ids
    return _bounded(payload)


def decode_ticket(entry_id: bytes, fields: Mapping[bytes, bytes], partition: int) -> Ticket:
    """Return the ticket in a stream entry.

    Raises TicketUnreadableError, naming the field, when it is not one that this release can read.
    """
    try:
        payload = _loads(fields[b"payload"])
        return _ticket(entry_id, fields, partition, payload)
    except KeyError as error:
        raise TicketUnreadableError(f"entry {entry_id!r} lacks the field {error}") from error
    except (ValueError, TypeError) as error:
        # The text of the error may quote the payload, which is mail: name only its kind.
        raise TicketUnreadableError(f"entry {entry_id!r} holds no readable ticket ({type(error).__name__})") from error


def _ticket(entry_id: bytes, fields: Mapping[bytes, bytes], partition: int, payload: dict[str, object]) -> Ticket:
    received_at, labels = payload["received_at"], payload["labels"]
    return Ticket(
        entry_id=entry_id.decode(),
        envelope_id=fields[b"id"].decode(),
        partition=partition,
        account=_text(payload["account"]),
        source=_text(payload["source"]),
        source_id=_text(payload["source_id"]),
        kind=Kind(_text(payload["kind"])),
        place=Place(_text(payload["mailbox"]), _number(payload["uidvalidity"]), _number(payload["uid"])),
        version=int(fields[b"version"]),
        size_bytes=_number(payload["size"]),
        fetched_at=_time(payload["fetched_at"]),
        labels=None if labels is None else _texts(labels),
        received_at=None if received_at is None else _time(received_at),
        gmail=_gmail(payload),
        attempt=int(fields[b"attempt"]),
        raw_slices=int(fields[b"slices"]),
        payload=payload,
        crashes=int(fields.get(b"crashes", b"0")),
    )


def _gmail(payload: Mapping[str, object]) -> GmailIds | None:
    if "gmail_message_id" not in payload:
        return None
    return GmailIds(
        message_id=_text(payload["gmail_message_id"]),
        thread_id=_text(payload.get("gmail_thread_id", "")),
        history_id=_text(payload.get("gmail_history_id", "")),
        label_ids=_texts(payload.get("label_ids", [])),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text, found {type(value).__name__}")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, found {type(value).__name__}")
    return tuple(_text(item) for item in value)


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"expected a whole number, found {type(value).__name__}")
    return value


def _time(value: object) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError("expected a time with its zone")
    return moment


def _loads(data: bytes) -> dict[str, object]:
    try:
        payload = orjson.loads(data)
    except orjson.JSONDecodeError:
        payload = json.loads(data)  # takes lone surrogates, which orjson refuses (see _dumps)
    if not isinstance(payload, dict):
        raise TypeError(f"expected an object, found {type(payload).__name__}")
    return payload


def _dumps(payload: Mapping[str, object]) -> bytes:
    try:
        return orjson.dumps(payload)
    except TypeError:
        # A lone surrogate: a file name that is no UTF-8, say. It must come back the same, since it may be an identity.
        return json.dumps(payload, ensure_ascii=True).encode("ascii")


def _bounded(payload: dict[str, object]) -> bytes:
    data = _dumps(payload)
    for name in _TRIMMED_FIRST:
        if len(data) <= MAX_PAYLOAD_BYTES:
            break
        payload[name] = _EMPTY_PREVIEW[name]
        data = _dumps(payload)
    return data
