"""What a failed call to the Gmail API means: every row of the table in docs/gmail-wire.md, in one place. Pure.

Four ways for a call to fail, never mixed: *throttled* (the whole account pauses), another *temporary* error (this call
is made again), *gone* (404: settled, not an error), *permanent* (this request, or the whole account: `concerns_all`).
Texts hold Google's reason and its words with addresses masked, never a token, an id or an address.
"""

import http.client
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import httplib2
from google.auth import exceptions as google_errors
from googleapiclient.errors import HttpError

from src.common.errors import (
    GmailOtherWatchError,
    GmailPreconditionError,
    GmailRefusedError,
    GmailRequestError,
    GmailThrottledError,
    GmailUnavailableError,
    IngestError,
    LoginRefusedError,
    MailTooLargeError,
    ScopeMissingError,
    SignInNeededError,
)
from src.common.logs import redact
from src.common.sign_in_command import AUTH_SETUP
from src.sync.retry_after import retry_after_s

ErrorType = Literal["rate_limit", "auth", "permission", "precondition", "server", "network", "answer", "request"]

# All that a call may raise, to be caught together and given to `fault_of`. A socket's errors are OSErrors.
CALL_FAILURES = (
    HttpError,
    httplib2.HttpLib2Error,
    http.client.HTTPException,
    google_errors.GoogleAuthError,
    OSError,
    IngestError,  # of whoever gives the access token, or of reading the answer
)

# Google's words, as reasons of errors[], as status and as reasons of details[].
_THROTTLED = frozenset(
    (
        "rateLimitExceeded",
        "userRateLimitExceeded",
        "quotaExceeded",
        "dailyLimitExceeded",
        "concurrentLimitExceeded",
        "RESOURCE_EXHAUSTED",
        "RATE_LIMIT_EXCEEDED",
    )
)
_PRECONDITION = frozenset(("failedPrecondition", "FAILED_PRECONDITION"))
_SCOPE = frozenset(("insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"))
_OTHER_WATCH = "Only one user push notification client"  # has no reason of its own
_PASSING = frozenset((408, 409, 425))  # besides 5xx: time-out, conflict, too early
_REASON = re.compile(r"[A-Za-z][A-Za-z_]{0,59}", re.ASCII)
_MAX_REASONS = 8
_MAX_ERROR_BYTES = 64 * 1024  # of an error's text; a longer one is no error of Google's
_DETAIL_CHARS = 200  # of Google's words in one of our messages


@dataclass(frozen=True, slots=True)
class Fault:
    """What a failed call means."""

    error_type: ErrorType  # label of gmail_sync_errors_total
    error: IngestError  # what to raise
    is_gone: bool = False  # 404: what was asked for is not there
    retry_after_s: float | None = None  # what Google asked for; None: nothing


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is not a success, taken apart."""

    status: int
    reasons: frozenset[str]  # empty: not an error in the API's own form
    words: str  # Google's, redacted and cut
    retry_after_s: float | None


def fault_of(error: BaseException, *, now: datetime) -> Fault:
    """Return what one of `CALL_FAILURES` means; `now` is for a Retry-After that is a date."""
    if isinstance(error, HttpError):
        headers = {str(name): str(value) for name, value in error.resp.items()}
        return refusal_fault(read_refusal(error.resp.status, headers, error.content, now=now))
    if isinstance(error, IngestError):
        return Fault("answer" if isinstance(error, GmailUnavailableError) else "auth", error)
    if isinstance(error, google_errors.GoogleAuthError):
        return _token_fault(error)
    return Fault("network", GmailUnavailableError(f"the Gmail API does not answer: {_network_reason(error)}"))


def read_refusal(status: int, headers: Mapping[str, str], content: bytes, *, now: datetime) -> Refusal:
    """Take an answer apart; its text may be anything. Names of headers are in lower case."""
    told = _error_object(content)
    words = str(told.get("message", ""))
    wait_s = retry_after_s(
        header=headers.get("retry-after", ""), text=words[:2000], date=headers.get("date", ""), now=now
    )
    return Refusal(status, _reasons(told), redact(words)[:_DETAIL_CHARS], wait_s)


def refusal_fault(refusal: Refusal) -> Fault:
    """Return what a refusal means."""
    status, reasons = refusal.status, refusal.reasons
    said = f"{status} {'/'.join(sorted(reasons)) or 'without a reason'}: {refusal.words or 'nothing more'}"
    if status == 429 or (400 <= status < 500 and reasons & _THROTTLED):
        error: IngestError = GmailThrottledError(f"Google throttles the account ({said})")
        return Fault("rate_limit", error, retry_after_s=refusal.retry_after_s)
    if status >= 500 or status in _PASSING:
        error = GmailUnavailableError(f"the Gmail API cannot serve just now ({said})")
        return Fault("server", error, retry_after_s=refusal.retry_after_s)
    if status == 401:
        return Fault(
            "auth",
            SignInNeededError(
                f"the Gmail API refused the access token, also a fresh one: sign in again with {AUTH_SETUP} ({said})"
            ),
        )
    if not reasons:
        return Fault(
            "answer",
            GmailUnavailableError(
                f"something other than the Gmail API answered with {status}: check GMAIL_API_ENDPOINT and any proxy"
            ),
        )
    return _judged_by_reason(refusal, said)


def _judged_by_reason(refusal: Refusal, said: str) -> Fault:
    status, reasons = refusal.status, refusal.reasons
    if status == 400 and reasons & _PRECONDITION:
        return Fault("precondition", GmailPreconditionError(f"the Gmail API answered {said}"))
    if status == 403 and reasons & _SCOPE:
        return Fault(
            "permission",
            ScopeMissingError(
                f"the sign-in lacks the scope gmail.readonly: sign in again with {AUTH_SETUP} "
                f"and leave every box ticked ({said})"
            ),
        )
    if status == 403:
        return Fault("permission", GmailRefusedError(f"Google refuses the account or the project ({said})"))
    kind = GmailOtherWatchError if _OTHER_WATCH in refusal.words else GmailRequestError
    return Fault("request", kind(f"the Gmail API calls a request wrong ({said})"), is_gone=status == 404)


def concerns_all(error: IngestError) -> bool:
    """Tell whether every other call of the account would end so too: asking on would gain nothing."""
    of_one_call = GmailUnavailableError | GmailPreconditionError | GmailRequestError | MailTooLargeError
    return not isinstance(error, of_one_call) and error.code != IngestError.code


def _error_object(content: bytes) -> dict[str, Any]:
    if len(content) > _MAX_ERROR_BYTES:
        return {}
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    if isinstance(told, list) and told:
        told = told[0]
    error = told.get("error") if isinstance(told, dict) else None
    return error if isinstance(error, dict) else {}


def _reasons(told: dict[str, Any]) -> frozenset[str]:
    found = [told.get("status")]
    for name in ("errors", "details"):
        parts = told.get(name)
        for part in parts[:_MAX_REASONS] if isinstance(parts, list) else ():
            found.append(part.get("reason") if isinstance(part, dict) else None)
    return frozenset(reason for reason in found if isinstance(reason, str) and _REASON.fullmatch(reason))


def _token_fault(error: google_errors.GoogleAuthError) -> Fault:
    """A token's refresh failed. Its text may quote an answer with a token in it: only known words are looked for."""
    if isinstance(error, google_errors.TransportError) or error.retryable:
        return Fault("network", GmailUnavailableError("the token address does not answer: check the network"))
    text = str(error)
    if "invalid_grant" in text:
        return Fault(
            "auth",
            SignInNeededError(
                f"Google says that the sign-in is not valid any more (invalid_grant): sign in again with {AUTH_SETUP}"
            ),
        )
    named = next((word for word in ("invalid_client", "unauthorized_client", "invalid_scope") if word in text), "")
    return Fault(
        "auth", LoginRefusedError(f"Google gave no access token ({named or type(error).__name__}): run `doctor`")
    )


def _network_reason(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not trusted; is a proxy between?"
    if isinstance(error, TimeoutError):
        return "it timed out (GMAIL_TIMEOUT_SECONDS)"
    if isinstance(error, http.client.IncompleteRead):
        return "the connection broke in the middle of an answer"
    if isinstance(error, httplib2.ServerNotFoundError):
        return "the name of its host could not be looked up"
    return type(error).__name__
