"""One API call from its request to its answer, over HTTP or inside a batch.

The order is Google's as far as it shows: method, token, parameters, concurrency, quota; then faults, then the method
itself. Every good answer is checked against the schema of the discovery document; `mistakes` holds what did not fit.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fakes.gmail import errors, fields, schema
from tests.fakes.gmail.answer import Answer, Call, Request, error_answer, json_answer
from tests.fakes.gmail.discovery import Method, methods
from tests.fakes.gmail.errors import ApiError
from tests.fakes.gmail.faults import Faults
from tests.fakes.gmail.mailbox import Mailbox
from tests.fakes.gmail.methods import METHODS, Desk, Handler
from tests.fakes.gmail.quota import Quota
from tests.fakes.google_oauth import FakeGoogle
from tests.fakes.google_service_account import signer_of

READING_SCOPES = {
    "https://mail.google.com/",
    "https://www.googleapis.com/auth/gmail.modify",
    "https://www.googleapis.com/auth/gmail.readonly",
}
PUBSUB_SCOPES = {"https://www.googleapis.com/auth/pubsub", "https://www.googleapis.com/auth/cloud-platform"}


PUBSUB_AUDIENCE = "https://pubsub.googleapis.com/"
ANYONE = "anyone@example.org"


@dataclass(frozen=True)
class Seen:
    """One call of a signed-in client and what came of it."""

    at: float  # when it came, by time.monotonic
    account: str
    method: str  # such as gmail.users.messages.get
    about: str  # the message's id, where it is about one
    status: int  # of the answer


@dataclass(frozen=True)
class _Order:
    """A call that was understood, and who carries it out."""

    method: Method
    handler: Handler
    call: Call
    selection: fields.Tree


class Service:
    """Answers requests; FakeGmail holds the parts."""

    def __init__(self, google: FakeGoogle, mailboxes: Mapping[str, Mailbox], desk: Desk, faults: Faults) -> None:
        self.google = google
        self.mailboxes = mailboxes
        self.desk = desk
        self.quota = Quota()
        self.faults = faults
        self.mistakes: list[str] = []  # answers that no real Gmail would give
        self.log: list[Seen] = []
        self.takes_anyone_at_pubsub = False  # as Google's emulator does
        self._no_mailbox = Mailbox(ANYONE)  # a service account has none
        self.checks_answers = True
        _routes()  # or the first call would be late, which a test of the quota would take for the client's doing

    def answer(self, request: Request) -> Answer:
        """Answer one call; to be called within `quota.running_together`."""
        came_at = time.monotonic()
        try:
            order = self._read(request)
        except ApiError as error:
            return error_answer(error)
        answer = self._carry_out(order)
        self.log.append(Seen(came_at, order.call.account, order.method.id, order.call.about, answer.status))
        return answer

    def _read(self, request: Request) -> _Order:
        url = urlsplit(request.target)
        method, handler, path = _route(request.http_method, url.path)
        account = self._account(method, request.headers, path)
        query = parse_qs(url.query, keep_blank_values=True)
        method.check(query)
        selection = fields.parse(query["fields"][-1]) if "fields" in query else {}
        if method.response is not None:
            fields.check(selection, method.response, method.schemas)
        return _Order(method, handler, Call(method.id, account, path, query, _json(request.content, method)), selection)

    def _carry_out(self, order: _Order) -> Answer:
        call = order.call
        try:
            if call.method.startswith("gmail."):  # Pub/Sub has a quota of its own
                self.quota.admit(call.account, call.method)
        except ApiError as error:
            return error_answer(error)
        fault = self.faults.pick(call.method, call.about)
        return self._run(order) if fault is None else fault(lambda: self._run(order))

    def _run(self, order: _Order) -> Answer:
        try:
            mailbox = self.mailboxes.get(order.call.account, self._no_mailbox)
            body = order.handler(self.desk, mailbox, order.call)
        except ApiError as error:
            return error_answer(error)
        self._check(order.method, body)
        return json_answer(None if body is None else fields.trim(body, order.selection))

    def _account(self, method: Method, headers: Mapping[str, str], path: Mapping[str, str]) -> str:
        """Return whose token the call carries; refuse one that has ended, or that may not do this."""
        token = headers.get("authorization", "").removeprefix("Bearer ")
        if method.id.startswith("pubsub.") and (signer := self._service_account(token)):
            return signer
        grant = self.google.grant(token)
        if grant is None or grant.account not in self.mailboxes:
            raise errors.unauthenticated()
        needed = READING_SCOPES if method.id.startswith("gmail.") else PUBSUB_SCOPES
        if needed.isdisjoint(grant.scopes.split()):
            raise errors.insufficient_permissions()
        if path.get("userId", "me") not in ("me", grant.account):
            raise errors.delegation_denied(path["userId"])
        return grant.account

    def _service_account(self, token: str) -> str | None:
        """Return whose self-signed token this is, if it is one; an emulator asks for no token at all."""
        if self.takes_anyone_at_pubsub and not token:
            return ANYONE
        return signer_of(token, PUBSUB_AUDIENCE, self.google.service_accounts)

    def _check(self, method: Method, body: dict[str, Any] | None) -> None:
        if not self.checks_answers:
            return
        if body is None or method.response is None:
            found = [] if body is method.response else ["an empty answer where there is none, or the other way round"]
        else:
            found = list(schema.mistakes(body, method.response, method.schemas))
        self.mistakes.extend(f"{method.id}: {mistake}" for mistake in found)


@cache
def _routes() -> list[tuple[Method, Handler]]:
    return [
        (method, handler)
        for api, handlers in METHODS.items()
        for method, handler in zip(methods(api, tuple(handlers)), handlers.values(), strict=True)
    ]


def _route(http_method: str, path: str) -> tuple[Method, Handler, dict[str, str]]:
    for method, handler in _routes():
        if method.http_method == http_method and (found := method.path.fullmatch(path)):
            return method, handler, {name: unquote(value) for name, value in found.groupdict().items()}
    raise errors.unimplemented(f"{http_method} {path}")


def _json(content: bytes, method: Method) -> Any:
    """Read a request's body; refuse what the discovery document does not know."""
    if not content:
        return {}
    try:
        body = json.loads(content)
    except ValueError as error:
        raise errors.bad_request("Invalid JSON payload received.") from error
    if method.request is not None:
        for mistake in schema.mistakes(body, method.request, method.schemas, "body"):
            raise errors.bad_request(f"Invalid JSON payload received. {mistake}")
    return body
