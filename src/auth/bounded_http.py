"""One HTTP call to Google's sign-in or to a small answer of the API, within bounds of time and bytes.

No redirect is followed: these addresses have none, and what is sent must go to nobody else. No text of an answer or of
an error of the library is passed on, since it may hold a token or an address.
"""

import json
import time
from dataclasses import dataclass, field
from typing import Literal

import requests
import urllib3

from src.common.errors import SourceUnavailableError

TIMEOUT_S = 20.0  # to connect, and without a byte; Google answers within a second
READ_DEADLINE_S = 30.0  # for a whole answer, since one may trickle in
MAX_ANSWER_BYTES = 64 * 1024  # unpacked; a token answer has about 2 KB
_BLOCK_BYTES = 8 * 1024
OK, BAD_REQUEST, TOO_MANY_REQUESTS = 200, 400, 429


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Its `repr` holds no secret."""

    status: int
    date: str  # the server's, as its header has it; empty: it does not tell
    body: bytes = field(repr=False)

    @property
    def is_ok(self) -> bool:
        """True if the answer is what was asked for."""
        return self.status == OK

    @property
    def is_passing(self) -> bool:
        """True if the answer may be another one later. A redirect is that of a captive portal: Google sends none."""
        return self.status >= 500 or 300 <= self.status < BAD_REQUEST or self.status == TOO_MANY_REQUESTS

    def json_object(self) -> dict[str, object] | None:
        """Return the JSON object it holds; None if it holds something else."""
        try:
            values = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return values if isinstance(values, dict) else None


def call(
    method: Literal["GET", "POST"],
    address: str,
    *,
    whom: str,
    form: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """Call an address and read the whole answer. Raises SourceUnavailableError, which names it as `whom`."""
    deadline = time.monotonic() + READ_DEADLINE_S
    try:
        with requests.request(
            method, address, data=form, params=query, headers=headers, timeout=TIMEOUT_S, allow_redirects=False,
            stream=True,
        ) as response:  # fmt: skip
            body = _read(response, whom, deadline)
            return Answer(response.status_code, response.headers.get("Date", ""), body)
    except (requests.RequestException, urllib3.exceptions.HTTPError, UnicodeError) as error:
        name = type(error).__name__
        raise SourceUnavailableError(f"{whom} does not answer ({name}): check the network, and try again") from None


def _read(response: requests.Response, whom: str, deadline: float) -> bytes:
    """Read the answer as it comes: `iter_content` would wait for a whole block, byte by byte, without an end."""
    body = bytearray()
    while block := response.raw.read1(_BLOCK_BYTES, decode_content=True):
        body += block
        if len(body) > MAX_ANSWER_BYTES or time.monotonic() > deadline:
            raise SourceUnavailableError(f"{whom} gave an answer that is too long or too slow: try again")
    return bytes(body)
