"""One call to the Gmail API, from its turn to its answer, made again where that may help.

Order of a try: a connection and a token → a turn of the governor → the call → its JSON, or what its failure means. To
connect or to renew a token takes longer than a call may be late for its turn, so that comes first. What is throttled
pauses the whole account and does not count as a try; another temporary failure is tried again with growing waits,
`TRIES` times; everything else is raised at once.
"""

import random
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import quote

import orjson
from google.api_core.client_options import ClientOptions
from google.auth.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from googleapiclient.http import HttpRequest
from googleapiclient.model import JsonModel

from src.common.clock import Clock
from src.common.errors import GmailThrottledError, IngestError
from src.common.instruments import GMAIL_SYNC_ERRORS
from src.common.retry import RetryPolicy, next_delay_s
from src.sync.bounded_answer import BigAnswers, Reading
from src.sync.gmail_answers import garbage
from src.sync.gmail_errors import CALL_FAILURES, Fault, fault_of
from src.sync.gmail_http import GmailHttp, HttpPool
from src.sync.quota import Sleep, Turn
from src.sync.quota_profile import CallName
from src.sync.quota_scripts import Use

Made = TypeVar("Made")

TRIES = RetryPolicy(max_attempts=3, initial_s=1.0, cap_s=8.0)  # failedPrecondition hits 2 %: four tries miss 2e-7
MAX_THROTTLED = 8  # tries of one call that were throttled; with doubling pauses the governor gives up before
WITHOUT_ANSWER: frozenset[CallName] = frozenset(("stop",))  # success is all they say
MAX_TOLD_WAIT_S = 20.0  # of the Retry-After of a 503: one call waits no longer for itself


class Turns(Protocol):
    """Who says when a call may leave: the Governor of quota.py, unless a test or a benchmark knows no quota."""

    def call(self, name: CallName, *, use: Use, sleep: Sleep | None = None) -> AbstractContextManager[Turn]:
        """Wait for a turn; the call is made inside."""
        ...

    def pause(self, told_s: float | None) -> float:
        """Pause all calls of the account."""
        ...

    def settle(self) -> None:
        """Give back the turns of calls that are over."""
        ...


@dataclass(frozen=True, slots=True)
class Gone:
    """404, in the API's own form."""


@dataclass(frozen=True, slots=True)
class Call(Generic[Made]):
    """What is asked, and how."""

    name: CallName
    request: HttpRequest
    read: Callable[[Mapping[str, Any]], Made]  # makes a value of the answer, or raises GmailUnavailableError
    use: Use
    sleep: Sleep


class RequestPattern:
    """A request of the client that differs in one id only: built once, since building it takes a fifth of a call."""

    _PLACE = "PLACE-OF-THE-ID"  # part of the address, and not changed by quoting

    def __init__(self, make: Callable[[str], HttpRequest]) -> None:
        """`make` returns the request for an id."""
        self._pattern = make(self._PLACE)
        self._before, self._after = self._pattern.uri.split(self._PLACE)

    def for_id(self, message_id: str) -> HttpRequest:
        """Return the request for one id, which may be any text."""
        return HttpRequest(
            self._pattern.http,
            self._pattern.postproc,
            f"{self._before}{quote(message_id, safe='')}{self._after}",
            headers=dict(self._pattern.headers),
            methodId=self._pattern.methodId,
        )


class Caller:
    """Makes calls for one account. Thread-safe."""

    def __init__(
        self,
        credentials: Credentials,
        governor: Turns,
        *,
        clock: Clock,
        timeout_s: float,
        endpoint: str = "",
        most_idle: int = 16,
    ) -> None:
        """`endpoint`: another address than Google's; checked by the caller."""
        self._https = HttpPool(credentials, timeout_s=timeout_s, most_idle=most_idle)
        self._governor = governor
        self._clock = clock
        self._rng = random.Random()  # noqa: S311  # spreads retries, keeps no secret
        self._big = BigAnswers()
        self.service = build(
            "gmail",
            "v1",
            http=self._https.fresh(),
            static_discovery=True,
            client_options=ClientOptions(api_endpoint=endpoint or None),
            model=_OrjsonModel(),
        )

    def reading(self, *, most_bytes: int, sleep: Sleep) -> Reading:
        """Return the bounds for an answer; its `done` must be called."""
        return Reading(self._big, most_bytes=most_bytes, sleep=sleep)

    def make(self, call: Call[Made], reading: Reading) -> Made | Gone:
        """Make a call until it succeeds, and return what its answer says. What `call.sleep` raises ends it.

        Raises AnswerTooLargeError, and every IngestError of the table in docs/gmail-wire.md.
        """
        failures = throttled = 0
        while True:
            outcome = self._try(call, reading)
            if not isinstance(outcome, Fault):
                return outcome
            if outcome.is_gone:
                return Gone()
            GMAIL_SYNC_ERRORS.labels(error_type=outcome.error_type).inc()
            call.sleep(0.0)  # who stops has just broken the connection, and asks for nothing more
            if isinstance(outcome.error, GmailThrottledError):
                throttled += 1
                self._governor.pause(outcome.retry_after_s)
                if throttled >= MAX_THROTTLED:
                    raise outcome.error
                continue
            failures += 1
            call.sleep(self._wait_s(outcome, failures))

    def settle(self) -> None:
        """Give back the turns of the calls that are over: to be called by who makes no further call at once."""
        self._governor.settle()

    def close(self) -> None:
        """Close the connections."""
        self._governor.settle()
        self._https.close()
        self.service.close()

    def _try(self, call: Call[Made], reading: Reading) -> Made | Fault:
        with self._https.one() as http:
            try:
                self._https.prepare(http, call.request.uri)
            except CALL_FAILURES as error:
                return self._fault(error, http.http)
            with self._governor.call(call.name, use=call.use, sleep=call.sleep):
                try:
                    return self._read(call, http, reading)
                except CALL_FAILURES as error:
                    reading.done()
                    fault = self._fault(error, http.http)
        self._governor.settle()  # for a wait follows, or an error
        return fault

    def _read(self, call: Call[Made], http: AuthorizedHttp, reading: Reading) -> Made:
        http.http.is_spoiled = True  # until the answer was read to its end: too large, or a stop, ends it before
        reading.begin(http.http)
        told = call.request.execute(http=http)
        http.http.is_spoiled = False
        if call.name in WITHOUT_ANSWER:
            told = {}
        if not isinstance(told, dict):
            raise garbage("it is no JSON object")
        return call.read(told)

    def _fault(self, error: Exception, http: GmailHttp) -> Fault:
        http.is_spoiled = not isinstance(error, HttpError)  # that is an answer like any other, read to its end
        return fault_of(error, now=self._clock.now())

    def _wait_s(self, fault: Fault, failures: int) -> float:
        """Return how long to wait before the next try. Raises the error when there is none."""
        error: IngestError = fault.error
        if not error.is_temporary or failures > TRIES.max_attempts:
            raise error  # without the library's exception, whose text holds the address and the words of the answer
        return max(next_delay_s(failures, TRIES, self._rng), min(fault.retry_after_s or 0.0, MAX_TOLD_WAIT_S))


class _OrjsonModel(JsonModel):  # type: ignore[misc]  # google-api-python-client has no types
    """Reads an answer's JSON; the library's own model hands on broken JSON as text."""

    def deserialize(self, content: bytes) -> Any:
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError:
            raise garbage("it is no JSON") from None  # its text may quote the answer
