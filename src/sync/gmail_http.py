"""HTTP to the Gmail API: connections that can be ended from outside, and that are lent out and kept.

One `GmailHttp` serves one call at a time (httplib2's are not thread-safe) and keeps its connection for the next; what
it reads is bounded by `bounded_answer.py`. `HttpPool` lends them out.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol, runtime_checkable

import httplib2
from google.auth.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp

from src.sync.bounded_answer import BoundedResponse, Reading


class GmailHttp(httplib2.Http):  # type: ignore[misc]  # httplib2 has no types
    """One connection, kept alive. For one call at a time."""

    reading: Reading  # of the call under way

    def __init__(self, timeout_s: float) -> None:
        super().__init__(timeout=timeout_s)
        self.is_aborted = False
        self.is_spoiled = False  # by a call that failed or ended early: nobody knows what is still on the line
        self._types = {
            "http:": self._connection_type(httplib2.HTTPConnectionWithTimeout),
            "https:": self._connection_type(httplib2.HTTPSConnectionWithTimeout),
        }

    def open(self, uri: str) -> None:
        """Connect to where `uri` is, unless that was done before."""
        connection = self._connection(uri)
        if connection.sock is None:
            connection.connect()

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: str | bytes | None = None,
        headers: dict[str, str] | None = None,
        **_options: object,
    ) -> Any:
        """As httplib2's, for addresses that are quoted and headers that are complete, as the API's client makes them.

        Its cache, its redirects and its rewriting of the address letter by letter are left out: they took a fifth of a
        call.
        """
        connection = self._connection(uri)
        path = uri.split("/", 3)[3]
        return self._conn_request(connection, f"/{path}", method, body, headers)

    def abort(self) -> None:
        """End the call under way, from another thread; this one makes no further call."""
        self.is_aborted = True
        for connection in list(self.connections.values()):
            sock = connection.sock
            if sock is not None:
                try:
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)  # below TLS, which the other thread is using
                except OSError:
                    pass  # closed meanwhile

    def _connection(self, uri: str) -> Any:
        scheme, _, authority = uri.split("/", 3)[:3]
        connection = self.connections.get(f"{scheme}{authority}")
        if connection is None:
            tls = {"ca_certs": self.ca_certs} if scheme.lower() == "https:" else {}
            make = self._types[scheme.lower()]
            connection = make(authority, timeout=self.timeout, proxy_info=self.proxy_info, **tls)
            self.connections[f"{scheme}{authority}"] = connection
        return connection

    def _connection_type(self, base: Any) -> Any:
        http = self

        class Connection(base):  # type: ignore[misc]  # httplib2 has no types
            response_class = partial(BoundedResponse, lambda: http.reading)

            def connect(self) -> None:
                if http.is_aborted:  # httplib2 connects anew when a connection ends without an answer
                    raise ConnectionAbortedError
                super().connect()

        return Connection


@runtime_checkable
class RenewsAhead(Protocol):
    """Credentials that can be asked to renew their token before a call is made."""

    def have_at_hand(self) -> None: ...


class HttpPool:
    """Lends connections out, and keeps those not lent for the next. Thread-safe."""

    def __init__(self, credentials: Credentials, *, timeout_s: float, most_idle: int) -> None:
        self._credentials = credentials
        self._timeout_s = timeout_s
        self._most_idle = most_idle
        self._lock = threading.Lock()
        self._idle: list[AuthorizedHttp] = []
        self._is_closed = False

    @contextmanager
    def one(self) -> Iterator[AuthorizedHttp]:
        """Lend one, for one call. It is closed afterwards if it was spoiled."""
        with self._lock:
            lent = self._idle.pop() if self._idle else self.fresh()
        try:
            yield lent
        finally:
            self._take_back(lent)

    def prepare(self, lent: AuthorizedHttp, uri: str) -> None:
        """Do ahead of a call what may take long: have the token renewed if its end is near, and connect."""
        if isinstance(self._credentials, RenewsAhead):
            self._credentials.have_at_hand()
        lent.http.open(uri)

    def fresh(self) -> AuthorizedHttp:
        """Return one that is in no pool. A refused token is refreshed once: a second refusal needs a person."""
        return AuthorizedHttp(self._credentials, http=GmailHttp(self._timeout_s), max_refresh_attempts=1)

    def close(self) -> None:
        """Close those not lent, and each of the others when it comes back."""
        with self._lock:
            idle, self._idle = self._idle, []
            self._is_closed = True
        for one in idle:
            one.close()

    def _take_back(self, lent: AuthorizedHttp) -> None:
        with self._lock:
            is_sound = not (lent.http.is_aborted or lent.http.is_spoiled)
            is_kept = is_sound and not self._is_closed and len(self._idle) < self._most_idle
            if is_kept:
                self._idle.append(lent)
        if not is_kept:
            lent.close()
