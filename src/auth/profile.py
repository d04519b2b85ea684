"""Whose mailbox an access token opens, by the Gmail API's `getProfile`: the one question that reading rights allow.

A person may sign in as somebody else than the settings name, and Google lets them. Over IMAP the login would tell;
through the API nothing would, and one account's mail would be stored under another's name.
"""

from config.settings import Settings
from src.auth.bounded_http import Answer, call
from src.common.errors import IngestError, LoginRefusedError, ScopeMissingError, SourceUnavailableError
from src.common.sign_in_command import AUTH_SETUP

GMAIL_API = "https://gmail.googleapis.com"
_PASSING_REASONS = ("rateLimitExceeded", "userRateLimitExceeded", "failedPrecondition")  # of 400 and 403
_GMAIL_DOMAINS = frozenset({"gmail.com", "googlemail.com"})  # two names for one, and dots do not count there


def profile_address(settings: Settings, access_token: str) -> str:
    """Return the main address of the mailbox that the token opens.

    Raises SourceUnavailableError, LoginRefusedError or ScopeMissingError.
    """
    address = f"{(settings.gmail_api_endpoint or GMAIL_API).rstrip('/')}/gmail/v1/users/me/profile"
    headers = {"Authorization": f"Bearer {access_token}"}
    answer = call("GET", address, whom="the Gmail API", query={"fields": "emailAddress"}, headers=headers)
    if not answer.is_ok:
        raise _refusal(answer)
    return _address_of(answer)


def is_same_mailbox(one: str, other: str) -> bool:
    """Tell whether two addresses name one mailbox, as far as their spelling tells; an alias counts as another."""
    return _plain(one) == _plain(other)


def _plain(address: str) -> tuple[str, str]:
    name, _, domain = address.strip().casefold().rpartition("@")
    return (name.replace(".", ""), "gmail.com") if domain in _GMAIL_DOMAINS else (name, domain)


def _address_of(answer: Answer) -> str:
    found = (answer.json_object() or {}).get("emailAddress")
    if not isinstance(found, str) or not found:
        raise SourceUnavailableError("the Gmail API gave a profile without an address: try again")
    return found


def _refusal(answer: Answer) -> IngestError:
    status, text = answer.status, answer.body.decode(errors="replace")
    if answer.is_passing or any(reason in text for reason in _PASSING_REASONS):
        return SourceUnavailableError(f"the Gmail API answered {status}: try again")
    if "accessNotConfigured" in text or "SERVICE_DISABLED" in text:
        return LoginRefusedError(
            "the Gmail API is not switched on in the Google Cloud project: APIs & Services, Library, Gmail API, Enable"
        )
    if "insufficientPermissions" in text or "ACCESS_TOKEN_SCOPE_INSUFFICIENT" in text:
        return ScopeMissingError(f"the token may not read through the Gmail API: sign in again with {AUTH_SETUP}")
    return LoginRefusedError(f"the Gmail API refuses the token ({status}): see that the account has Gmail switched on")
