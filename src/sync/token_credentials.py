"""google-auth's Credentials around a function that gives access tokens, such as the one of `src/auth/access_token.py`.

google-auth refreshes for one process alone; ours has the token refreshed by one process for all, ahead of its end.
"""

import threading
from collections.abc import Callable, MutableMapping
from typing import Any

from google.auth.credentials import Credentials

TokenSource = Callable[[str], str]  # takes the token just refused, or ""; gives one that lives a while longer


class TokenCredentials(Credentials):
    """Asks for the token before each call. Safe to share between threads. Raises what the function raises."""

    def __init__(self, token_source: TokenSource) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # google-auth is typed in part
        self._token_source = token_source
        self._used = threading.local()  # the token of this thread's last call: another thread may have a newer one

    def have_at_hand(self) -> None:
        """Ask for the token ahead of a call, which then need not wait for its renewal."""
        self._token_source("")

    def before_request(
        self,
        request: Any,  # noqa: ARG002
        method: str,  # noqa: ARG002
        url: str,  # noqa: ARG002
        headers: MutableMapping[str, str],
    ) -> None:
        """Put the token on a call."""
        token = self._token_source("")
        self._used.token = token
        headers["authorization"] = f"Bearer {token}"

    def refresh(self, request: Any) -> None:  # noqa: ARG002
        """Have a new token made: the one of this thread's last call was refused."""
        self._token_source(getattr(self._used, "token", ""))
