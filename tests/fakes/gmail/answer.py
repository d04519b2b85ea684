"""Request, call and answer as values: what HTTP, batches, methods and faults hand to one another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.fakes.gmail.errors import ApiError


@dataclass(frozen=True)
class Request:
    """One request, its head read: of a connection, or of a part of a batch."""

    http_method: str
    target: str  # path and query
    headers: Mapping[str, str]  # names in lower case
    content: bytes = b""


@dataclass(frozen=True)
class Call:
    """One API call as it came in."""

    method: str  # the id in the discovery document, such as gmail.users.messages.get
    account: str  # whose token it carries
    path: Mapping[str, str]  # parameters of the path
    query: Mapping[str, list[str]]
    body: Any  # JSON; {} where none came

    @property
    def about(self) -> str:
        """The message's id, where the call is about one message."""
        return self.path.get("id", "")

    def one(self, name: str, default: str = "") -> str:
        return self.query.get(name, [default])[-1]

    def many(self, name: str) -> list[str]:
        return self.query.get(name, [])

    def is_set(self, name: str) -> bool:
        return self.one(name) == "true"


@dataclass(frozen=True)
class Answer:
    """What is sent back, and in which way the sending goes wrong."""

    content: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0  # before the first byte
    cut_after: float | None = None  # share of the body after which the connection is cut; below 0: before the status
    drip_pause_s: float = 0.0  # not 0: the body comes in small pieces with pauses between them

    @property
    def is_ok(self) -> bool:
        return self.status < 400


Proceed = Callable[[], Answer]


def json_answer(body: object) -> Answer:
    """Answer well; None is an empty 204."""
    if body is None:
        return Answer(status=204)
    return Answer(orjson.dumps(body), headers={"Content-Type": "application/json; charset=UTF-8"})


def error_answer(error: ApiError) -> Answer:
    headers = {"Content-Type": "application/json; charset=UTF-8", **error.headers}
    return Answer(orjson.dumps(error.body(), option=orjson.OPT_INDENT_2), error.code, headers)
