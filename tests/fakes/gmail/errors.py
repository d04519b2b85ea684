"""Google's error answers in their real shape: `{"error": {"code", "message", "errors": [...], "status"}}`.

Texts and reasons are those seen in reports of users (googleapis' issue trackers) and in Gmail's guide "Resolve errors".
"""

from dataclasses import dataclass, field
from typing import Any

_STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


@dataclass
class ApiError(Exception):
    """Raised when a call is answered with an error."""

    code: int
    reason: str
    message: str
    status: str = ""  # "": the usual name for the code
    domain: str = "global"
    detail: str = ""  # the message inside `errors` where it differs
    headers: dict[str, str] = field(default_factory=dict)
    extra: dict[str, str] = field(default_factory=dict)  # of the entry in `errors`

    def __str__(self) -> str:
        return self.message

    def body(self) -> dict[str, Any]:
        entry = {
            "message": self.detail or self.message,
            "domain": self.domain,
            "reason": self.reason,
            **self.extra,
        }
        error: dict[str, Any] = {"code": self.code, "message": self.message, "errors": [entry]}
        if status := self.status or _STATUS_NAMES.get(self.code, ""):
            error["status"] = status
        return {"error": error}


def bad_request(message: str) -> ApiError:
    return ApiError(400, "invalidArgument", message)


def invalid_field_selection(name: str) -> ApiError:
    message = f"Invalid field selection {name}"
    extra = {"location": "fields", "locationType": "parameter"}
    return ApiError(400, "invalidParameter", message, extra=extra)


def not_found() -> ApiError:
    return ApiError(404, "notFound", "Requested entity was not found.")


def failed_precondition() -> ApiError:
    return ApiError(400, "failedPrecondition", "Precondition check failed.", status="FAILED_PRECONDITION")


def unauthenticated() -> ApiError:
    return ApiError(
        401,
        "authError",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        detail="Invalid Credentials",
        headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"'},
        extra={"location": "Authorization", "locationType": "header"},
    )


def insufficient_permissions() -> ApiError:
    return ApiError(
        403,
        "insufficientPermissions",
        "Request had insufficient authentication scopes.",
        detail="Insufficient Permission",
    )


def may_not_consume() -> ApiError:
    return ApiError(403, "forbidden", "User not authorized to perform this action.")


def domain_policy() -> ApiError:
    return ApiError(403, "domainPolicy", "The domain administrators have disabled Gmail apps.")


def delegation_denied(account: str) -> ApiError:
    return ApiError(403, "forbidden", f"Delegation denied for {account}")


def too_many_concurrent() -> ApiError:
    return ApiError(429, "rateLimitExceeded", "Too many concurrent requests for user.")


def quota_exceeded(code: int) -> ApiError:
    """Return the refusal over the units of a minute; it comes as 403 or as 429."""
    message = (
        "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user' of service "
        "'gmail.googleapis.com' for consumer 'project_number:123456789012'."
    )
    return ApiError(code, "rateLimitExceeded", message, domain="usageLimits")


def only_one_push_client() -> ApiError:
    return bad_request("Only one user push notification client allowed per developer (call /stop then try again)")


def unimplemented(what: str) -> ApiError:
    return ApiError(501, "notImplemented", f"the fake does not play {what}")
