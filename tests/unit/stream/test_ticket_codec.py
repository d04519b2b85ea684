"""A ticket comes back as it went in, is bounded, and says what is wrong when it cannot be read."""

from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.common.errors import TicketUnreadableError
from src.model.envelope import Envelope, GmailIds, Kind, Place
from src.stream.ticket_codec import MAX_PAYLOAD_BYTES, decode_ticket, encode_payload

any_text = st.text(st.characters(), max_size=30)  # lone surrogates too: names of files that are no UTF-8
times = st.datetimes(timezones=st.just(UTC))
CONTRACT_NAMES = {"uid", "uidvalidity", "mailbox", "from", "to", "subject", "date", "body_text", "body_html_preview"}
CONTRACT_NAMES |= {"size", "headers", "message_id", "fetched_at"}


def fields_with(payload: bytes) -> dict[bytes, bytes]:
    return {b"id": b"a" * 32, b"version": b"7", b"attempt": b"1", b"slices": b"0", b"payload": payload}


def envelope_with(**changes: object) -> Envelope:
    values: dict[str, object] = {
        "account": "ann@example.org",
        "source": "imap",
        "source_id": "INBOX/1/2",
        "kind": Kind.ADDED,
        "place": Place("INBOX", 1, 2),
        "fetched_at": datetime(2026, 1, 1, tzinfo=UTC),
        **changes,
    }
    return Envelope(**values)  # type: ignore[arg-type]  # the values above


@given(
    account=any_text,
    source_id=any_text,
    mailbox=any_text,
    kind=st.sampled_from(Kind),
    labels=st.none() | st.lists(any_text, max_size=4).map(tuple),
    received_at=st.none() | times,
    gmail=st.none() | st.builds(GmailIds, any_text, any_text, any_text, st.lists(any_text, max_size=3).map(tuple)),
    subject=any_text,
)
def test_identity_survives_whatever_it_holds(
    account: str,
    source_id: str,
    mailbox: str,
    kind: Kind,
    labels: tuple[str, ...] | None,
    received_at: datetime | None,
    gmail: GmailIds | None,
    subject: str,
) -> None:
    envelope = envelope_with(
        account=account,
        source_id=source_id,
        place=Place(mailbox, 1, 2),
        kind=kind,
        labels=labels,
        received_at=received_at,
        gmail=gmail,
        size_bytes=9,
    )
    ticket = decode_ticket(b"1-1", fields_with(encode_payload(envelope, {"subject": subject})), 3)
    assert (ticket.account, ticket.source_id, ticket.place) == (account, source_id, envelope.place)
    assert (ticket.kind, ticket.labels, ticket.received_at, ticket.gmail) == (kind, labels, received_at, gmail)
    assert (ticket.fetched_at, ticket.size_bytes) == (envelope.fetched_at, 9)
    assert (ticket.version, ticket.attempt, ticket.partition, ticket.entry_id) == (7, 1, 3, "1-1")
    assert ticket.payload["subject"] == subject


def test_a_payload_has_the_names_of_the_contract() -> None:
    payload = orjson.loads(encode_payload(envelope_with(gmail=GmailIds("1f", "2f", "3", ("INBOX",))), {}))
    assert payload.keys() >= CONTRACT_NAMES
    assert (payload["gmail_message_id"], payload["label_ids"]) == ("1f", ["INBOX"])


def test_times_keep_their_instant() -> None:
    moment = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    ticket = decode_ticket(b"1-1", fields_with(encode_payload(envelope_with(received_at=moment), {})), 0)
    assert ticket.received_at == moment


def test_previews_are_cut_and_headers_are_given_up_first() -> None:
    preview = {"body_text": "t" * 9000, "body_html_preview": "h" * 9000, "subject": "s", "headers": {"x": "y" * 99_000}}
    data = encode_payload(envelope_with(), preview)
    payload = orjson.loads(data)
    assert len(data) <= MAX_PAYLOAD_BYTES
    assert (len(payload["body_text"]), len(payload["body_html_preview"]), payload["headers"]) == (2000, 500, {})


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        encode_payload(envelope_with(), {}).replace(b'"added"', b'"moved"'),
        encode_payload(envelope_with(), {}).replace(b'"uid":2', b'"uid":"2"'),
        encode_payload(envelope_with(), {}).replace(b"+00:00", b""),
        encode_payload(envelope_with(), {}).replace(b'"account"', b'"konto"'),
    ],
)
def test_what_is_no_ticket_is_said_plainly(broken: bytes) -> None:
    with pytest.raises(TicketUnreadableError, match="1-1"):
        decode_ticket(b"1-1", fields_with(broken), 0)


@given(st.binary(max_size=60), st.binary(max_size=6))
def test_no_bytes_break_the_decoder(payload: bytes, version: bytes) -> None:
    with pytest.raises(TicketUnreadableError):
        decode_ticket(b"1-1", {**fields_with(payload), b"version": version}, 0)


def test_an_error_does_not_quote_the_mail() -> None:
    secret = encode_payload(envelope_with(), {"subject": "salary"}).replace(b'"added"', b'"salary"')
    with pytest.raises(TicketUnreadableError) as caught:
        decode_ticket(b"1-1", fields_with(secret), 0)
    assert "salary" not in str(caught.value)
