"""One call to Google's token or revoke address, and how its answer is read. Nothing here knows what is asked for.

Every call has a time-out. An address that does not answer, or answers with what is no JSON object, is a
SourceUnavailableError: try again. No text of an answer is passed on, since it may hold a token.
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests

from src.common.errors import SourceUnavailableError

TIMEOUT_S = 20.0  # for one call, connect and read each; Google answers within a second
MIN_LIFE_S = 60  # an access token that is said to live shorter than this is taken to live this long
MAX_LIFE_S = 24 * 3600  # and no longer than this, whatever is said
MAX_CODE_CHARS = 64  # of an error code that is repeated to the operator


def post(address: str, form: dict[str, str]) -> requests.Response:
    """Send a form. Raises SourceUnavailableError."""
    try:
        # No redirects: a token endpoint has none, and the form must go to nobody else.
        return requests.post(address, data=form, timeout=TIMEOUT_S, allow_redirects=False)
    except requests.RequestException as error:
        raise unreachable(f"Google's sign-in service does not answer ({type(error).__name__})") from None


def server_time(address: str) -> datetime | None:
    """Return what time it is at a server, to the second; None if it does not tell. Raises SourceUnavailableError."""
    try:
        told = requests.get(address, timeout=TIMEOUT_S, allow_redirects=False).headers.get("Date", "")
    except requests.RequestException as error:
        raise unreachable(f"Google's sign-in service does not answer ({type(error).__name__})") from None
    try:
        found = parsedate_to_datetime(told)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def json_object(answer: requests.Response) -> dict[str, object]:
    """Return the object that an answer holds. Raises SourceUnavailableError."""
    try:
        values = answer.json()
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise unreachable(f"Google's sign-in service answered {answer.status_code} with what is no JSON object")
    return values


def text_of(values: dict[str, object], name: str) -> str:
    """Return a text that an answer must have. Raises SourceUnavailableError."""
    value = values.get(name)
    if not isinstance(value, str) or not value:
        raise unreachable(f"Google's sign-in service gave no {name}")
    return value


def life_s(told: object) -> float:
    """Return for how many seconds an access token lives; `told` may be missing, a text, or nonsense."""
    try:
        seconds = float(str(told))
    except ValueError:
        seconds = MIN_LIFE_S
    return min(max(seconds, MIN_LIFE_S), MAX_LIFE_S) if seconds == seconds else MIN_LIFE_S  # NaN is not itself


def is_passing(status: int) -> bool:
    """Tell whether an answer of this status may be another one later."""
    return status >= 500 or status == requests.codes.too_many_requests


def known_code(error: str) -> str:
    """Return an error code if it looks like one of RFC 6749, since anybody may have written it."""
    is_code = error.isascii() and error.replace("_", "").isalpha() and len(error) <= MAX_CODE_CHARS
    return error if is_code else "no known reason"


def unreachable(found: str) -> SourceUnavailableError:
    """Return the error for an address that gave nothing to work with."""
    return SourceUnavailableError(f"{found}: check the network, GOOGLE_TOKEN_URI, and try again")
