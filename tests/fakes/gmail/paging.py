"""Pages of lists: tokens that fit only the question they were given for, settable sizes, empty pages, and a hook.

A token is opaque to clients. It holds the page's number and where to go on. Tokens can be made to run out.
"""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.gmail.answer import Call
from tests.fakes.gmail.errors import bad_request

LARGEST_PAGE = 500  # Google's limit for messages.list and history.list
DEFAULT_PAGE = 100
_OF_NO_MATTER = {"pageToken", "maxResults", "fields", "alt", "prettyPrint", "quotaUser", "$.xgafv"}


@dataclass(frozen=True)
class PageAsked:
    """Which page of a list a call asks for."""

    number: int  # the first is 1
    position: Any  # JSON: where the page begins; None for the first
    size: int


@dataclass
class Paging:
    """How lists are cut into pages."""

    largest: int = LARGEST_PAGE  # whatever a client asks for
    empty_pages: set[int] = field(default_factory=set)  # numbers of pages that are empty though more follow
    # Called with the method and the page's number before every page but the first: mail arrives in mid-walk.
    between_pages: Callable[[str, int], None] | None = None
    _age: int = 0  # of the tokens that are good

    def expire_tokens(self) -> None:
        """Make all tokens that were given until now run out."""
        self._age += 1

    def asked(self, call: Call) -> PageAsked:
        """Read which page a call asks for; refuse a token of another question."""
        wanted = int(call.one("maxResults", str(DEFAULT_PAGE))) or DEFAULT_PAGE
        size = min(wanted, self.largest, LARGEST_PAGE)
        token = call.one("pageToken")
        if not token:
            return PageAsked(1, None, size)
        number, position = self._open(token, _question(call))
        if self.between_pages is not None:
            self.between_pages(call.method, number)
        return PageAsked(number, position, size)

    def is_empty(self, page: PageAsked) -> bool:
        return page.number in self.empty_pages

    def token(self, call: Call, page: PageAsked, position: Any) -> str:
        """Return the token of the page after `page`."""
        content = json.dumps([self._age, _question(call), page.number + 1, position]).encode()
        return base64.urlsafe_b64encode(content).decode()

    def _open(self, token: str, question: str) -> tuple[int, Any]:
        try:
            age, asked, number, position = json.loads(base64.urlsafe_b64decode(token))
        except ValueError as error:
            raise bad_request("Invalid pageToken") from error
        if (age, asked) != (self._age, question):
            raise bad_request("Invalid pageToken")
        return number, position


def _question(call: Call) -> str:
    """Name what is listed: all parameters but those of paging and form."""
    query = sorted((name, values) for name, values in call.query.items() if name not in _OF_NO_MATTER)
    return hashlib.sha256(json.dumps([call.method, call.account, query]).encode()).hexdigest()[:16]
