"""Bad days on command. A fault is a function around the rest of a call: it answers itself, or spoils the true answer.

`faults.add(throttled(retry_after="date"), "messages.get", times=3)`: a rule with the method's name (its last words, or
`batch` for the batch endpoint as a whole, or `*`), how many times, with which probability (seeded), about which mail,
and for how long. The first rule that fits a call counts. The method is charged for a faulty answer as for a good one.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import Literal

from tests.fakes.gmail import errors
from tests.fakes.gmail.answer import Answer, Proceed, error_answer
from tests.fakes.gmail.errors import ApiError

Fault = Callable[[Proceed], Answer]
RetryAfter = Literal["none", "seconds", "date", "text"]
ThrottleReason = Literal["rateLimitExceeded", "userRateLimitExceeded"]

_TEXTS_5XX = {
    500: "Internal error encountered.",
    503: "The service is currently unavailable.",
    504: "Deadline expired before operation could complete.",
}


def error(make: Callable[[], ApiError]) -> Fault:
    """Answer with an error of errors.py, such as `error(not_found)`."""
    return lambda _proceed: error_answer(make())


def throttled(
    code: Literal[403, 429] = 429,
    reason: ThrottleReason = "rateLimitExceeded",
    *,
    retry_after: RetryAfter = "none",
    wait_s: float = 1.0,
) -> Fault:
    """Refuse as too fast; the wait of `wait_s` is told in one of three forms, or not at all."""
    return lambda _proceed: error_answer(_throttling(code, reason, retry_after, wait_s))


def server_error(code: Literal[500, 502, 503, 504] = 503) -> Fault:
    """Answer as a server in trouble does; 502 is a page of HTML from the proxy before it."""
    if code == 502:
        page = b"<!DOCTYPE html><html><title>Error 502 (Server Error)!!1</title></html>"
        return lambda _proceed: Answer(page, 502, {"Content-Type": "text/html; charset=UTF-8"})
    return error(lambda: ApiError(code, "backendError", _TEXTS_5XX[code]))


def cut(share: float = 0.5) -> Fault:
    """Send this share of the body, then cut the connection; below 0, cut it instead of any answer."""
    return lambda proceed: replace(proceed(), cut_after=share)


def slow(delay_s: float) -> Fault:
    """Let the first byte wait."""
    return lambda proceed: replace(proceed(), delay_s=delay_s)


def dripping(pause_s: float) -> Fault:
    """Send the body in small pieces, a pause after each: no single read takes long, all of them do."""
    return lambda proceed: replace(proceed(), drip_pause_s=pause_s)


def broken_json(content: bytes | None = None) -> Fault:
    """Answer 200 with what is no JSON: the true body without its end, or `content`."""

    def spoil(proceed: Proceed) -> Answer:
        answer = proceed()
        return replace(answer, content=answer.content[:-1] if content is None else content)

    return spoil


@dataclass
class Rule:
    """One fault that is switched on, and how often it struck."""

    fault: Fault
    method: str
    times_left: int | None  # None: for ever
    probability: float
    about: str | None  # the id of the one mail it is about
    ends_at: float | None  # by time.monotonic
    once_each: bool  # strikes each mail once
    struck: int = 0
    struck_mails: set[str] = field(default_factory=set)

    def is_about(self, method: str, about: str) -> bool:
        is_method = self.method == "*" or method == self.method or method.endswith("." + self.method)
        is_mail = self.about in (None, about) and not (self.once_each and about in self.struck_mails)
        return is_method and is_mail

    def strike(self, about: str) -> Fault:
        self.struck += 1
        self.struck_mails.add(about)
        self.times_left = None if self.times_left is None else self.times_left - 1
        return self.fault

    def is_over(self) -> bool:
        return self.times_left == 0 or (self.ends_at is not None and time.monotonic() >= self.ends_at)


class Faults:
    """The rules that are switched on."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = Random(seed)
        self._rules: list[Rule] = []
        self._lock = threading.Lock()

    def add(
        self,
        fault: Fault,
        method: str = "*",
        *,
        times: int | None = None,
        probability: float = 1.0,
        about: str | None = None,
        lasting_s: float | None = None,
        once_each: bool = False,
    ) -> Rule:
        """Switch a fault on, until it struck `times` times or `lasting_s` are over; `once_each` spares second tries."""
        ends_at = None if lasting_s is None else time.monotonic() + lasting_s
        rule = Rule(fault, method, times, probability, about, ends_at, once_each)
        with self._lock:
            self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """Switch all off."""
        with self._lock:
            self._rules.clear()

    def pick(self, method: str, about: str = "") -> Fault | None:
        """Take the fault that strikes this call, if any."""
        with self._lock:
            self._rules = [rule for rule in self._rules if not rule.is_over()]
            for rule in self._rules:
                if rule.is_about(method, about) and self._rng.random() < rule.probability:
                    return rule.strike(about)
            return None


def _throttling(code: int, reason: ThrottleReason, retry_after: RetryAfter, wait_s: float) -> ApiError:
    text = "User-rate limit exceeded." if reason == "userRateLimitExceeded" else "Rate Limit Exceeded"
    until = datetime.now(UTC) + timedelta(seconds=wait_s)
    headers = {}
    match retry_after:
        case "seconds":
            headers["Retry-After"] = f"{wait_s:.0f}"
        case "date":
            headers["Retry-After"] = format_datetime(until, usegmt=True)
        case "text":
            text += f"  Retry after {until:%Y-%m-%dT%H:%M:%S}.{until.microsecond // 1000:03d}Z"
    status = "RESOURCE_EXHAUSTED" if code == 429 else ""
    return ApiError(code, reason, text, status=status, domain="usageLimits", headers=headers)


HANGS_UP = cut(-1.0)
UNAUTHENTICATED = error(errors.unauthenticated)
NOT_FOUND = error(errors.not_found)
FAILED_PRECONDITION = error(errors.failed_precondition)
INSUFFICIENT_PERMISSIONS = error(errors.insufficient_permissions)
DOMAIN_POLICY = error(errors.domain_policy)
