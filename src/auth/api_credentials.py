"""ApiCredentials: our access tokens as google-auth Credentials, for google-api-python-client.

google-auth would refresh for one process alone, and let each of its threads refresh again; `AccessTokens` does it ahead
of the end, once for all processes. `AuthorizedHttp` (google_auth_httplib2) asks `before_request` before each call, and
`refresh` when Google answered 401.
"""

import threading
from collections.abc import MutableMapping
from typing import Any, Protocol

from google.auth.credentials import Credentials

from config.settings import Settings
from src.auth.access_token import access_token_provider
from src.common.clock import Clock


class TokenProvider(Protocol):
    """Gives an access token other than `refused`; see AccessTokens."""

    def __call__(self, refused: str = "") -> str: ...


def credentials_for(settings: Settings, clock: Clock | None = None) -> "ApiCredentials":
    """Return the credentials of the settings' account: of a person's sign-in, or of a service account.

    Reads and asks nothing yet. Who has access tokens of the account already wraps those: `ApiCredentials(tokens)`.
    """
    return ApiCredentials(access_token_provider(settings, clock))


class ApiCredentials(Credentials):
    """The credentials of one account. One object serves all threads. Raises what the provider raises."""

    def __init__(self, tokens: TokenProvider) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # google-auth is typed in part
        self._tokens = tokens
        self._last = threading.local()  # the token of this thread's last call: another thread may have a newer one

    def have_at_hand(self) -> None:
        """Have the token renewed ahead of a call, which then need not wait for it."""
        self._tokens()

    def before_request(self, request: Any, method: str, url: str, headers: MutableMapping[str, str]) -> None:  # noqa: ARG002
        """Put the token on a call."""
        self._last.token = token = self._tokens()
        headers["authorization"] = f"Bearer {token}"

    def refresh(self, request: Any) -> None:  # noqa: ARG002
        """Take it that Google refused the token of this thread's last call: have another one made."""
        self._tokens(refused=getattr(self._last, "token", ""))
