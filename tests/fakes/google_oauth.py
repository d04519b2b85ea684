"""Google's sign-in as a small real HTTP server: consent with redirect, PKCE, refresh, revoke, and its bad days.

It is strict where Google is strict: a code works once, for its own client, redirect address and PKCE verifier; a
refresh token works until it is revoked. What it shall get wrong is set by `mood`. Service accounts with domain-wide
delegation are in `google_service_account.py`.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.fakes.google_service_account import JWT_BEARER, DelegationRefusedError, ServiceAccount, delegation
from tests.fakes.quiet_server import QuietServer

CLIENT_ID = "1234.apps.example.org"
CLIENT_SECRET = "not-a-real-secret"
ACCOUNT = "ada@example.org"
_USUAL_LIFETIME_S = 3600.0


class Mood(StrEnum):
    """How the token and revoke addresses answer."""

    WELL = "well"
    INVALID_GRANT = "invalid_grant"
    INVALID_CLIENT = "invalid_client"
    INVALID_SCOPE = "invalid_scope"
    SERVER_ERROR = "server_error"
    BROKEN_JSON = "broken_json"
    JSON_BUT_NO_OBJECT = "json_but_no_object"
    NO_ACCESS_TOKEN = "no_access_token"
    HANGS_UP = "hangs_up"


@dataclass(frozen=True)
class Grant:
    """What an access token allows."""

    account: str
    scopes: str
    refresh_token: str
    ends_at: float  # by time.monotonic


@dataclass
class _Promise:
    redirect_uri: str
    challenge: str
    scopes: str


@dataclass
class FakeGoogle:
    """The server's state; tests set its mood and read its counts."""

    mood: Mood = Mood.WELL
    account: str = ACCOUNT  # of the person at the consent page
    denies: bool = False  # the person presses "cancel"
    granted_scopes: str | None = None  # None: all that were asked for
    gives_refresh_token: bool = True
    expires_in: Any = 3600  # seconds, as Google would say it
    delay_s: float = 0.0  # before each token answer
    make_access_token: Callable[[], str] = lambda: f"ya29.{secrets.token_urlsafe(16)}"
    refreshes: int = 0
    asked: list[dict[str, str]] = field(default_factory=list)  # queries of the consent page
    refresh_tokens: dict[str, str] = field(default_factory=dict)  # refresh token to scopes
    access_tokens: list[str] = field(default_factory=list)
    service_accounts: dict[str, ServiceAccount] = field(default_factory=dict)  # by their address
    _owners: dict[str, str] = field(default_factory=dict)  # refresh token to account
    _grants: dict[str, Grant] = field(default_factory=dict)  # by access token
    _codes: dict[str, _Promise] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        """Begin to serve on a free port."""
        self._server = QuietServer(("127.0.0.1", 0), _handler_for(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.base = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def environment(self) -> dict[str, str]:
        """Return the settings that point a program here."""
        return {
            "GOOGLE_AUTH_URI": f"{self.base}/auth",
            "GOOGLE_TOKEN_URI": f"{self.base}/token",
            "GOOGLE_REVOKE_URI": f"{self.base}/revoke",
            "GOOGLE_CLIENT_ID": CLIENT_ID,
            "GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
        }

    def consent(self, query: dict[str, str]) -> str:
        """Act the person at the consent page; return the address the browser is sent to."""
        self.asked.append(query)
        if self.denies:
            return f"{query['redirect_uri']}?{urlencode({'error': 'access_denied', 'state': query['state']})}"
        code = f"4/{secrets.token_urlsafe(16)}"
        scopes = query["scope"] if self.granted_scopes is None else self.granted_scopes
        self._codes[code] = _Promise(query["redirect_uri"], query["code_challenge"], scopes)
        told = {"state": query["state"], "code": code, "scope": scopes}
        return f"{query['redirect_uri']}?{urlencode(told)}"

    def token(self, form: dict[str, str]) -> tuple[int, object]:
        """Answer the token address."""
        if form.get("grant_type") == JWT_BEARER:
            return self._delegated(form.get("assertion", ""))
        if form.get("client_id") != CLIENT_ID or form.get("client_secret") != CLIENT_SECRET:
            return 401, {"error": "invalid_client"}
        if form.get("grant_type") == "refresh_token":
            return self._refreshed(form.get("refresh_token", ""))
        return self._exchanged(form)

    def revoke(self, token: str) -> tuple[int, object]:
        """Answer the revoke address; the access tokens end with the refresh token."""
        if self.refresh_tokens.pop(token, None) is None:
            return 400, {"error": "invalid_token"}
        self._end(lambda grant: grant.refresh_token == token)
        return 200, {}

    def issue_refresh_token(self, scopes: str, account: str | None = None) -> str:
        """Return a refresh token as a finished sign-in would have given."""
        token = f"1//{secrets.token_urlsafe(16)}"
        self.refresh_tokens[token] = scopes
        self._owners[token] = account or self.account
        return token

    def issue_access_token(self, scopes: str, account: str | None = None) -> str:
        """Return an access token of a sign-in of its own."""
        return str(self._access(scopes, self.issue_refresh_token(scopes, account))["access_token"])

    def grant(self, access_token: str) -> Grant | None:
        """Return what an access token allows; None when it has ended or never was."""
        grant = self._grants.get(access_token)
        return grant if grant is not None and time.monotonic() < grant.ends_at else None

    def end_access_tokens(self) -> None:
        """Let every access token end now; refresh tokens go on."""
        self._end(lambda grant: True)

    def sign_out(self, account: str) -> None:
        """Let an account's tokens end for good: a refresh is answered with `invalid_grant`."""
        for token in [token for token, owner in self._owners.items() if owner == account]:
            self.revoke(token)

    def _exchanged(self, form: dict[str, str]) -> tuple[int, object]:
        promise = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if promise is None or promise.challenge != challenge or promise.redirect_uri != form.get("redirect_uri"):
            return 400, {"error": "invalid_grant", "error_description": "Bad Request"}
        if not self.gives_refresh_token:
            return 200, self._access(promise.scopes, "")
        refresh_token = self.issue_refresh_token(promise.scopes)
        return 200, {**self._access(promise.scopes, refresh_token), "refresh_token": refresh_token}

    def _refreshed(self, token: str) -> tuple[int, object]:
        with self._lock:
            self.refreshes += 1
        if token not in self.refresh_tokens:
            return 400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
        return 200, self._access(self.refresh_tokens[token], token)

    def _delegated(self, assertion: str) -> tuple[int, object]:
        """Answer a service account that acts for a person of its domain."""
        try:
            account, scopes = delegation(assertion, self.service_accounts)
        except DelegationRefusedError as error:
            return error.status, {"error": error.code, "error_description": error.text}
        token = self.issue_access_token(scopes, account)
        return 200, {"access_token": token, "expires_in": self.expires_in, "token_type": "Bearer"}

    def _access(self, scopes: str, refresh_token: str) -> dict[str, object]:
        token = self.make_access_token()
        self.access_tokens.append(token)
        lives_s = self.expires_in if isinstance(self.expires_in, int | float) else _USUAL_LIFETIME_S
        owner = self._owners.get(refresh_token, self.account)
        with self._lock:
            self._grants[token] = Grant(owner, scopes, refresh_token, time.monotonic() + lives_s)
        return {"access_token": token, "expires_in": self.expires_in, "scope": scopes, "token_type": "Bearer"}

    def _end(self, ends: Callable[[Grant], bool]) -> None:
        with self._lock:
            self._grants = {token: grant for token, grant in self._grants.items() if not ends(grant)}


_BAD_DAYS: dict[Mood, tuple[int, bytes]] = {
    Mood.INVALID_GRANT: (400, b'{"error": "invalid_grant", "error_description": "Bad Request"}'),
    Mood.INVALID_SCOPE: (400, b'{"error": "invalid_scope", "error_description": "Bad Request"}'),
    Mood.INVALID_CLIENT: (401, b'{"error": "invalid_client"}'),
    Mood.SERVER_ERROR: (500, b"<html>Error 500 (Server Error)</html>"),
    Mood.BROKEN_JSON: (200, b'{"access_token": "ya29.cut-of'),
    Mood.JSON_BUT_NO_OBJECT: (200, b'["ya29.in-a-list"]'),
    Mood.NO_ACCESS_TOKEN: (200, b'{"expires_in": 3600, "token_type": "Bearer"}'),
}


def _handler_for(google: FakeGoogle) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path != "/auth":
                self._answer(404, b"")
                return
            self.send_response(302)
            self.send_header("Location", google.consent(_flat(parts.query)))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self) -> None:
            form = _flat(self.rfile.read(int(self.headers["Content-Length"])).decode())
            time.sleep(google.delay_s)
            if google.mood is Mood.HANGS_UP:
                self.close_connection = True
                return
            if google.mood in _BAD_DAYS:
                self._answer(*_BAD_DAYS[google.mood])
                return
            status, body = google.revoke(form["token"]) if self.path == "/revoke" else google.token(form)
            self._answer(status, json.dumps(body).encode())

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(ConnectionError):  # the client gave up waiting
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

    return Handler


def _flat(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
