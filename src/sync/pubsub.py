"""Subscription: one Pub/Sub subscription, pulled over its REST API. Knows neither accounts nor mails.

A pull waits at Google's until there is something, and answers with nothing after a while ("bounded", its reference
says; reports speak of 90 s, and of 504 in place of an empty answer). What is pulled and not acknowledged comes again.
Two calls with JSON are all there is to it, so Google's client for Pub/Sub, with gRPC under it, is not used.
"""

import binascii
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import orjson
import pybase64
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import GoogleAuthError

from src.common.clock import Clock
from src.common.errors import IngestError, PushRefusedError, PushUnavailableError
from src.sync.bounded_answer import MIB, AnswerTooLargeError, BigAnswers, Reading
from src.sync.gmail_api import check_endpoint
from src.sync.gmail_errors import CALL_FAILURES, Refusal, read_refusal
from src.sync.gmail_http import HttpPool

ADDRESS = "https://pubsub.googleapis.com"
MOST_EVENTS = 100  # of one pull
MAX_ANSWER_BYTES = 16 * MIB  # one message has 10 MB at most, in base64 13.4 MiB
MAX_DATA_BYTES = 64 * 1024  # of an event that is handed on; Gmail's have under 100
PULL_TIMEOUT_S = 120.0  # above the longest that Google lets a pull wait
QUICK_TIMEOUT_S = 20.0  # of any other call
_MAX_ACK_CHARS = 4096
_HEADERS = {"content-type": "application/json", "accept-encoding": "gzip", "user-agent": "email-ingestion (gzip)"}
_PASSING = frozenset((408, 409, 425, 429))  # besides 5xx
_NOTHING_CAME = 504
_CONSUME = "pubsub.subscriptions.consume"  # what the role Pub/Sub Subscriber gives


@dataclass(frozen=True, slots=True)
class Event:
    """One message of a subscription."""

    ack_id: str  # of this delivery
    data: bytes = field(repr=False)  # empty: none, too long, or no base64


class Subscription:
    """One subscription, for one thread; `close` may be called from another."""

    def __init__(
        self,
        name: str,
        credentials: Credentials | None,
        *,
        clock: Clock,
        endpoint: str = "",
        pull_timeout_s: float = PULL_TIMEOUT_S,
    ) -> None:
        """`name`: `projects/P/subscriptions/S`. `credentials`: None for a test server. `endpoint`: in place of
        Google's address. Raises InsecureConnectionError."""
        if credentials is not None:
            check_endpoint(endpoint, setting="PUBSUB_API_ENDPOINT")
        self._base = f"{(endpoint or ADDRESS).rstrip('/')}/v1/{quote(name, safe='/')}"
        self._clock = clock
        held = credentials or AnonymousCredentials()  # type: ignore[no-untyped-call]
        self._waiting = HttpPool(held, timeout_s=pull_timeout_s, most_idle=1)
        self._quick = HttpPool(held, timeout_s=QUICK_TIMEOUT_S, most_idle=1)
        self._big = BigAnswers()
        self._lock = threading.Lock()
        self._reading: Reading | None = None  # of the call under way
        self._is_closed = False

    def pull(self) -> tuple[Event, ...]:
        """Wait for events and return them, at most `MOST_EVENTS`; none if none came for a while.

        Raises PushUnavailableError or PushRefusedError.
        """
        for most in (MOST_EVENTS, 1):  # the second time if someone published what Gmail never would: alone it fits
            try:
                return _events(self._post(self._waiting, "pull", {"maxMessages": most}))
            except AnswerTooLargeError:
                continue
        raise _garbage(f"it is larger than {MAX_ANSWER_BYTES // MIB} MiB")

    def acknowledge(self, ack_ids: Sequence[str]) -> None:
        """Have these events not come again. Raises PushUnavailableError or PushRefusedError."""
        try:
            self._post(self._quick, "acknowledge", {"ackIds": list(ack_ids)})
        except AnswerTooLargeError:
            raise _garbage("it says more than nothing") from None

    def may_pull(self) -> bool:
        """Ask whether it exists and these credentials may pull it; takes no events away. Raises as `pull` does."""
        try:
            told = self._post(self._quick, "testIamPermissions", {"permissions": [_CONSUME]})
        except AnswerTooLargeError:
            raise _garbage("it says more than was asked") from None
        held = told.get("permissions", [])
        return isinstance(held, list) and _CONSUME in held

    def close(self) -> None:
        """End the call under way with an error, and make no other. May be called twice."""
        with self._lock:
            self._is_closed = True
            if self._reading is not None:
                self._reading.abort()
        self._waiting.close()
        self._quick.close()

    def _post(self, pool: HttpPool, verb: str, body: Mapping[str, object]) -> Mapping[str, Any]:
        try:
            with self._bounded() as reading, pool.one() as http:
                http.http.is_spoiled = True  # until its answer was read to its end
                reading.begin(http.http)
                response, content = http.request(
                    f"{self._base}:{verb}", method="POST", body=orjson.dumps(body), headers=dict(_HEADERS)
                )
                http.http.is_spoiled = False
        except CALL_FAILURES as error:  # its text may hold the address, or quote an answer
            raise _failure(error) from None
        if response.status == 200:
            return _object(content)
        if verb == "pull" and response.status == _NOTHING_CAME:
            return {}
        raise _refusal_error(read_refusal(response.status, response, bytes(content), now=self._clock.now()))

    @contextmanager
    def _bounded(self) -> Iterator[Reading]:
        reading = Reading(self._big, most_bytes=MAX_ANSWER_BYTES, sleep=self._clock.sleep)
        with self._lock:
            if self._is_closed:
                raise PushUnavailableError("the subscription was closed")
            self._reading = reading
        try:
            yield reading
        finally:
            reading.done()
            with self._lock:
                self._reading = None


def _events(told: Mapping[str, Any]) -> tuple[Event, ...]:
    received = told.get("receivedMessages", [])
    if not isinstance(received, list) or len(received) > MOST_EVENTS:
        raise _garbage("receivedMessages is no list, or too long")
    return tuple(_event(one) for one in received)


def _event(told: object) -> Event:
    ack_id = told.get("ackId") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(ack_id, str) or not 0 < len(ack_id) <= _MAX_ACK_CHARS:
        raise _garbage("an event cannot be acknowledged")
    message = told.get("message")
    return Event(ack_id, _decoded(message.get("data") if isinstance(message, dict) else None))


def _decoded(data: object) -> bytes:
    """Decode base64; Pub/Sub's own has + and /, that which Gmail describes - and _."""
    if not isinstance(data, str) or len(data) > MAX_DATA_BYTES * 4 // 3:
        return b""
    plain = data.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return pybase64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _object(content: bytes) -> Mapping[str, Any]:
    try:
        told = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise _garbage("it is no JSON") from None
    if not isinstance(told, dict):
        raise _garbage("it is no JSON object")
    return told


def _garbage(found: str) -> PushUnavailableError:
    return PushUnavailableError(f"Pub/Sub's answer cannot be understood: {found}")


def _failure(error: BaseException) -> IngestError:
    if isinstance(error, IngestError):
        return error
    if isinstance(error, GoogleAuthError):  # none are there, or none can be signed
        return PushRefusedError("Pub/Sub wants credentials: set GOOGLE_PUBSUB_CREDENTIALS_FILE to a key file")
    return PushUnavailableError(f"Pub/Sub does not answer ({type(error).__name__}): check the network")


def _refusal_error(refusal: Refusal) -> IngestError:
    """Return what a refusal means, and what to do about it."""
    said = f"{refusal.status} {'/'.join(sorted(refusal.reasons)) or 'without a reason'}"
    if refusal.status >= 500 or refusal.status in _PASSING:
        return PushUnavailableError(f"Pub/Sub cannot serve just now ({said})")
    if refusal.status == 401:
        return PushRefusedError(
            f"Pub/Sub does not take the credentials ({said}): is GOOGLE_PUBSUB_CREDENTIALS_FILE a key that its service "
            "account still has, and is this machine's clock right?"
        )
    if not refusal.reasons:
        return PushUnavailableError(
            f"something other than Pub/Sub answered with {refusal.status}: check PUBSUB_API_ENDPOINT and any proxy"
        )
    if refusal.status == 403:
        return PushRefusedError(
            f"the service account may not pull GMAIL_PUBSUB_SUBSCRIPTION ({said}): give it the role Pub/Sub Subscriber "
            "on the subscription, and switch the Pub/Sub API on in its project"
        )
    if refusal.status == 404:
        return PushRefusedError(f"GMAIL_PUBSUB_SUBSCRIPTION does not exist ({said}): make it, or mend its name")
    return PushRefusedError(f"Pub/Sub calls a request wrong ({said})")
