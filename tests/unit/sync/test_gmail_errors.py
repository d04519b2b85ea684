"""Every answer of the Gmail API, and everything between it and us, becomes the error that leads to the right deed."""

import http.client
import json
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, get_args

import httplib2
import pytest
from google.auth import exceptions as google_errors
from googleapiclient.errors import HttpError
from hypothesis import given
from hypothesis import strategies as st

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
    RedisUnavailableError,
    ScopeMissingError,
    SignInNeededError,
)
from src.sync.gmail_errors import CALL_FAILURES, ErrorType, Fault, concerns_all, fault_of, read_refusal, refusal_fault

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


def body(status: int, reason: str = "", *, rpc: str = "", detail: str = "", message: str = "words") -> bytes:
    """Return an error in the API's form: reason in errors[], rpc as status, detail as the reason in details[]."""
    error: dict[str, Any] = {"code": status, "message": message}
    if reason:
        error["errors"] = [{"message": message, "domain": "global", "reason": reason}]
    if rpc:
        error["status"] = rpc
    if detail:
        error["details"] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": detail}]
    return json.dumps({"error": error}).encode()


def fault(status: int, content: bytes = b"", headers: Mapping[str, str] | None = None) -> Fault:
    return refusal_fault(read_refusal(status, headers or {}, content, now=NOW))


TABLE = [
    (429, body(429, "rateLimitExceeded", rpc="RESOURCE_EXHAUSTED"), "rate_limit", GmailThrottledError),
    (429, b"", "rate_limit", GmailThrottledError),  # from a proxy of Google's, without JSON
    (403, body(403, "rateLimitExceeded"), "rate_limit", GmailThrottledError),
    (403, body(403, "userRateLimitExceeded"), "rate_limit", GmailThrottledError),
    (403, body(403, "dailyLimitExceeded"), "rate_limit", GmailThrottledError),
    (403, body(403, rpc="RESOURCE_EXHAUSTED"), "rate_limit", GmailThrottledError),
    (403, body(403, rpc="PERMISSION_DENIED", detail="RATE_LIMIT_EXCEEDED"), "rate_limit", GmailThrottledError),
    (400, body(400, "failedPrecondition", rpc="FAILED_PRECONDITION"), "precondition", GmailPreconditionError),
    (
        400,
        body(400, "invalidArgument", message="Only one user push notification client allowed per developer"),
        "request",
        GmailOtherWatchError,
    ),
    (500, body(500, "backendError", rpc="INTERNAL"), "server", GmailUnavailableError),
    (502, b"<html>Bad Gateway</html>", "server", GmailUnavailableError),
    (503, body(503, "backendError", rpc="UNAVAILABLE"), "server", GmailUnavailableError),
    (504, b"", "server", GmailUnavailableError),
    (408, b"", "server", GmailUnavailableError),
    (409, body(409, "aborted", rpc="ABORTED"), "server", GmailUnavailableError),
    (401, body(401, "authError", rpc="UNAUTHENTICATED"), "auth", SignInNeededError),
    (401, b"", "auth", SignInNeededError),
    (403, body(403, "insufficientPermissions"), "permission", ScopeMissingError),
    (403, body(403, detail="ACCESS_TOKEN_SCOPE_INSUFFICIENT"), "permission", ScopeMissingError),
    (403, body(403, "domainPolicy"), "permission", GmailRefusedError),
    (403, body(403, "accessNotConfigured", detail="SERVICE_DISABLED"), "permission", GmailRefusedError),
    (403, body(403, rpc="PERMISSION_DENIED"), "permission", GmailRefusedError),
    (403, b"<html>Forbidden</html>", "answer", GmailUnavailableError),  # a proxy's, not Google's: may pass
    (302, b"", "answer", GmailUnavailableError),  # a captive portal
    (400, b"", "answer", GmailUnavailableError),
    (400, body(400, "invalidArgument", rpc="INVALID_ARGUMENT"), "request", GmailRequestError),
    (413, body(413, "uploadTooLarge"), "request", GmailRequestError),
    (404, body(404, "notFound", rpc="NOT_FOUND"), "request", GmailRequestError),
]  # fmt: skip


@pytest.mark.parametrize(("status", "content", "error_type", "kind"), TABLE)
def test_table(status: int, content: bytes, error_type: ErrorType, kind: type[IngestError]) -> None:
    found = fault(status, content)
    assert found.error_type == error_type
    assert type(found.error) is kind
    assert found.is_gone is (status == 404)


def test_a_404_that_is_not_the_apis_own_says_nothing_of_a_mail() -> None:
    assert not fault(404, b"<html>no such page</html>").is_gone


def test_every_label_of_the_metric_is_in_the_table() -> None:
    assert {row[2] for row in TABLE} | {"network"} == set(get_args(ErrorType))


@pytest.mark.parametrize("status", [429, 403, 503])
def test_retry_after_is_read_in_all_three_forms(status: int) -> None:
    content = body(status, "rateLimitExceeded")
    assert fault(status, content, {"retry-after": "7"}).retry_after_s == 7
    assert fault(status, content, {"retry-after": "Fri, 01 May 2026 12:00:09 GMT"}).retry_after_s == 9
    in_text = body(status, "rateLimitExceeded", message="Retry after 2026-05-01T12:00:11Z")
    assert fault(status, in_text).retry_after_s == 11
    assert fault(status, content).retry_after_s is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["error", "errors", "details", "reason", "status", "message", "code", "x"]), inner, max_size=5
    ),
    max_leaves=20,
)  # fmt: skip
contents = st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode())


@given(status=st.integers(300, 599), content=contents, header=st.text(max_size=30))
def test_any_answer_has_a_meaning(status: int, content: bytes, header: str) -> None:
    found = fault(status, content, {"retry-after": header, "date": header})
    assert found.error_type in get_args(ErrorType)
    assert len(str(found.error)) < 1000
    if status >= 500:
        assert found.error.is_temporary


def test_a_deep_or_huge_error_is_no_error_of_googles() -> None:
    assert fault(400, b"[" * 100_000).error_type == "answer"
    assert fault(400, b'{"error":"' + b"x" * 100_000 + b'"}').error_type == "answer"


def test_addresses_and_tokens_are_masked_in_googles_words() -> None:
    text = str(fault(403, body(403, "domainPolicy", message="Delegation denied for ada@example.org")).error)
    assert "ada@example.org" not in text
    assert "domainPolicy" in text


def google_error(name: str, *words: str, **options: bool) -> Exception:
    """Return an exception of google-auth, which has no types."""
    error: Exception = getattr(google_errors, name)(*words, **options)
    return error


def http_error(status: int, content: bytes) -> HttpError:
    return HttpError(httplib2.Response({"status": str(status), "retry-after": "3"}), content)


@pytest.mark.parametrize(
    ("raised", "error_type", "kind"),
    [
        (http_error(429, b""), "rate_limit", GmailThrottledError),
        (TimeoutError("timed out"), "network", GmailUnavailableError),
        (ConnectionResetError(), "network", GmailUnavailableError),
        (OSError(101, "Network is unreachable"), "network", GmailUnavailableError),
        (ssl.SSLCertVerificationError("self-signed"), "network", GmailUnavailableError),
        (http.client.IncompleteRead(b"half"), "network", GmailUnavailableError),
        (http.client.RemoteDisconnected("gone"), "network", GmailUnavailableError),
        (httplib2.ServerNotFoundError("Unable to find the server"), "network", GmailUnavailableError),
        (google_error("TransportError", "no route"), "network", GmailUnavailableError),
        (google_error("RefreshError", "invalid_grant: Token has been expired."), "auth", SignInNeededError),
        (google_error("RefreshError", "invalid_client"), "auth", LoginRefusedError),
        (google_error("RefreshError", "unauthorized_client: delegation"), "auth", LoginRefusedError),
        (google_error("RefreshError", "internal_failure", retryable=True), "network", GmailUnavailableError),
        (SignInNeededError("no token"), "auth", SignInNeededError),  # of whoever gives the token
        (GmailUnavailableError("no JSON"), "answer", GmailUnavailableError),
    ],
)
def test_what_a_call_may_raise(raised: Exception, error_type: ErrorType, kind: type[IngestError]) -> None:
    assert isinstance(raised, CALL_FAILURES)
    found = fault_of(raised, now=NOW)
    assert found.error_type == error_type
    assert type(found.error) is kind


def test_a_refresh_errors_own_text_is_not_handed_on() -> None:
    error = google_error("RefreshError", "odd", '{"access_token": "ya29.secret"}')
    assert "secret" not in str(fault_of(error, now=NOW).error)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (GmailThrottledError(), True),
        (SignInNeededError(), True),
        (ScopeMissingError(), True),
        (GmailRefusedError(), True),
        (RedisUnavailableError(), True),
        (GmailUnavailableError(), False),
        (GmailPreconditionError(), False),
        (GmailRequestError(), False),
        (MailTooLargeError(), False),
        (IngestError(), False),  # unforeseen: perhaps for the sake of this one mail
    ],
)
def test_errors_of_the_account_are_told_from_those_of_one_call(error: IngestError, expected: bool) -> None:
    assert concerns_all(error) is expected
