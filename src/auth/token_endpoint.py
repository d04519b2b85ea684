"""One call to Google's token or revoke address, and how its answer is read. Nothing here knows what is asked for.

An address that does not answer, or answers with what is no JSON object, is a SourceUnavailableError: try again.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from src.auth.bounded_http import Answer, call
from src.common.errors import SourceUnavailableError

MIN_LIFE_S = 60  # an access token that is said to live shorter than this is taken to live this long
MAX_LIFE_S = 24 * 3600  # and no longer than this, whatever is said
MAX_CODE_CHARS = 64  # of an error code that is repeated to the operator
_IS_TOKEN = re.compile(r"[!-~]+")
WHOM = "Google's sign-in service"


def post(address: str, form: dict[str, str]) -> Answer:
    """Send a form. Raises SourceUnavailableError, for an answer that may be another one later too."""
    answer = call("POST", address, whom=WHOM, form=form)
    if answer.is_passing:
        raise unreachable(f"{WHOM} answered {answer.status}")
    return answer


def server_time(address: str) -> datetime | None:
    """Return what time it is at a server, to the second; None if it does not tell. Raises SourceUnavailableError."""
    told = call("GET", address, whom=WHOM).date
    try:
        found = parsedate_to_datetime(told)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def json_object(answer: Answer) -> dict[str, object]:
    """Return the object that an answer holds. Raises SourceUnavailableError."""
    values = answer.json_object()
    if values is None:
        raise unreachable(f"{WHOM} answered {answer.status} with what is no JSON object")
    return values


def token_of(values: dict[str, object], name: str) -> str:
    """Return a token that an answer must have: visible ASCII (RFC 6749, appendix A). Raises SourceUnavailableError."""
    value = values.get(name)
    if not isinstance(value, str) or not _IS_TOKEN.fullmatch(value):
        raise unreachable(f"{WHOM} gave no {name}")
    return value


def life_s(told: object) -> float:
    """Return for how many seconds an access token lives; `told` may be missing, a text, or nonsense."""
    try:
        seconds = float(str(told))
    except ValueError:
        seconds = MIN_LIFE_S
    return min(max(seconds, MIN_LIFE_S), MAX_LIFE_S) if seconds == seconds else MIN_LIFE_S  # NaN is not itself


def known_code(error: str) -> str:
    """Return an error code if it looks like one of RFC 6749, since anybody may have written it."""
    is_code = error.isascii() and error.replace("_", "").isalpha() and len(error) <= MAX_CODE_CHARS
    return error if is_code else "no known reason"


def unreachable(found: str) -> SourceUnavailableError:
    """Return the error for an address that gave nothing to work with."""
    return SourceUnavailableError(f"{found}: check the network, GOOGLE_TOKEN_URI, and try again")
