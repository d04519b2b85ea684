"""HTTP to the Gmail API within bounds: time, bytes, and how many big answers are held at once.

httplib2 reads and unpacks an answer of any size, follows redirects, and with a short body raises in mid-connection; so
its connections read through `BoundedResponse`, which unpacks by itself. One `GmailHttp` serves one call at a time (they
are not thread-safe) and keeps its connection for the next; `HttpPool` lends them out.
"""

import http.client
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import httplib2
from google.auth.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.errors import HttpError

from src.sync.gmail_answers import garbage

MIB = 1024 * 1024
MAX_RAW_ANSWER_BYTES = 72 * MIB  # unpacked; Gmail takes mails up to about 50 MB, as base64 in JSON
MAX_ANSWER_BYTES = 16 * MIB  # of any other answer; a page of 500 changes has well under 1 MiB
SMALL_ANSWER_BYTES = 4 * MIB  # an answer that grows beyond waits until no other big one is held
READ_DEADLINE_S = 180.0  # for one answer, all in all; each single read has the time-out of the settings
READ_BYTES = 64 * 1024  # most of one read
WAIT_POLL_S = 0.25  # how often one who waits for a big answer to be done looks whether to stop
_PACKED = ("gzip", "x-gzip", "deflate")


class AnswerTooLargeError(Exception):
    """Raised when an answer is larger than its call allows. Known to the callers of this module only."""


class BigAnswers:
    """Who may hold a big answer now: one at a time, from its first big byte until it was taken over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def acquire(self, sleep: Callable[[float], None], deadline: float) -> None:
        """Wait for it; `sleep(0)` is called now and then, and what it raises ends the wait."""
        while not self._lock.acquire(timeout=WAIT_POLL_S):
            sleep(0.0)
            if time.monotonic() > deadline:
                raise TimeoutError("other big answers took too long")

    def release(self) -> None:
        """Let the next one have it. From any thread."""
        self._lock.release()


class Reading:
    """The bounds of one answer. `done` must be called once the answer is not held any more."""

    def __init__(self, big: BigAnswers, *, most_bytes: int, sleep: Callable[[float], None]) -> None:
        self._big = big
        self._most_bytes = most_bytes
        self._sleep = sleep
        self._deadline = time.monotonic() + READ_DEADLINE_S
        self._is_big = False
        self._http: GmailHttp | None = None
        self._is_aborted = False

    def begin(self, http: "GmailHttp") -> None:
        """Begin to read, over `http`: a call may have waited long for its turn before."""
        self._deadline = time.monotonic() + READ_DEADLINE_S
        self._http = http
        http.reading = self
        self.check(0)

    def abort(self) -> None:
        """End the reading soon, from another thread."""
        self._is_aborted = True
        if self._http is not None:
            self._http.abort()

    def check(self, size_bytes: int) -> None:
        """Say how large the answer has grown. Raises AnswerTooLargeError or TimeoutError."""
        if size_bytes > self._most_bytes:
            raise AnswerTooLargeError
        if self._is_aborted or time.monotonic() > self._deadline:
            raise TimeoutError("an answer took too long")
        if size_bytes > SMALL_ANSWER_BYTES and not self._is_big:
            self._big.acquire(self._sleep, self._deadline)
            self._is_big = True

    def done(self) -> None:
        """Say that the answer is not held any more. May be called twice."""
        if self._is_big:
            self._is_big = False
            self._big.release()


class BoundedResponse(http.client.HTTPResponse):
    """An answer that is read and unpacked within the bounds of its Reading."""

    def __init__(self, reading: Callable[[], Reading], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._reading = reading

    def read(self, amt: int | None = None) -> bytes:
        """Return the whole answer, unpacked. Raises IncompleteRead when it ends early.

        It is gathered in one growing buffer: a list of blocks would leave its memory in each thread's own heap.
        """
        if amt is not None:
            return super().read(amt)
        packing = (self.headers.get("content-encoding") or "").strip().lower()
        body = bytearray()
        for block in self._unpacked() if packing in _PACKED else self._blocks():
            body += block
        self.close()
        # The JSON of a big mail is not copied once more; an error has to be bytes for the client.
        return body if self.status < 300 else bytes(body)  # type: ignore[return-value]

    def getheaders(self) -> list[tuple[str, str]]:
        """Leave out how it was packed, or httplib2 would unpack it again."""
        return [(name, value) for name, value in super().getheaders() if name.lower() != "content-encoding"]

    def _blocks(self) -> Iterator[bytes]:
        size = 0
        reading = self._reading()
        while block := self.read1(READ_BYTES):
            size += len(block)
            reading.check(size)
            yield block
        if self.length:
            raise http.client.IncompleteRead(b"", self.length)

    def _unpacked(self) -> Iterator[bytes]:
        size = 0
        reading = self._reading()
        unpack = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # gzip or zlib, by its head
        try:
            for block in self._blocks():
                while block:
                    plain = unpack.decompress(block, READ_BYTES)
                    block = unpack.unconsumed_tail
                    size += len(plain)
                    reading.check(size)
                    yield plain
        except zlib.error as error:
            raise garbage("it is not packed as it says") from error
        if not unpack.eof:
            raise http.client.IncompleteRead(b"")


class GmailHttp(httplib2.Http):  # type: ignore[misc]  # httplib2 has no types
    """One connection, kept alive. For one call at a time."""

    reading: Reading  # of the call under way

    def __init__(self, timeout_s: float) -> None:
        super().__init__(timeout=timeout_s)
        self.follow_redirects = False  # the API has none; a captive portal does
        self.is_aborted = False
        self._types = {
            "http": self._connection_type(httplib2.HTTPConnectionWithTimeout),
            "https": self._connection_type(httplib2.HTTPSConnectionWithTimeout),
        }

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: str | bytes | None = None,
        headers: dict[str, str] | None = None,
        **_options: object,
    ) -> Any:
        """As httplib2's, for addresses that are quoted and headers that are complete, as the API's client makes them.

        httplib2 opens the connection. Over one that is kept, its cache, its redirects and its rewriting of the address
        letter by letter are left out: they took a fifth of a call.
        """
        scheme, _, rest = uri.partition("://")
        authority, _, path = rest.partition("/")
        connection = self.connections.get(f"{scheme}:{authority}")
        if connection is None:
            return super().request(uri, method, body, headers, connection_type=self._types[scheme.lower()])
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

    def _connection_type(self, base: Any) -> Any:
        http = self

        class Connection(base):  # type: ignore[misc]  # httplib2 has no types
            response_class = partial(BoundedResponse, lambda: http.reading)

            def connect(self) -> None:
                if http.is_aborted:  # httplib2 connects anew when a connection ends without an answer
                    raise ConnectionAbortedError
                super().connect()

        return Connection


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
    def one(self, reading: Reading) -> Iterator[AuthorizedHttp]:
        """Lend one, for one call. After a failure its connection is closed: nobody knows what is still on the line."""
        with self._lock:
            lent = self._idle.pop() if self._idle else self.fresh()
        reading.begin(lent.http)
        try:
            yield lent
        except HttpError:  # an answer like any other, read to its end
            self._take_back(lent)
            raise
        except BaseException:
            lent.close()
            raise
        self._take_back(lent)

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
            is_kept = not self._is_closed and not lent.http.is_aborted and len(self._idle) < self._most_idle
            if is_kept:
                self._idle.append(lent)
        if not is_kept:
            lent.close()
