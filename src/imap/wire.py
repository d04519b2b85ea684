"""Wire: one socket, read line by line and byte by byte, with time-outs and bounds. Knows nothing of IMAP's grammar.

Every fault of the connection leaves as SourceUnavailableError. One buffer serves all readers, so that nothing is lost
between imapclient's log-in, our FETCH reader and IDLE.
"""

import io
import select
import socket
import ssl
import time
from typing import Literal

from src.common.errors import SourceUnavailableError

BUFFER_BYTES = 256 * 1024  # one system call then brings several mails of the usual 15 KB
MAX_LINE_BYTES = 16 * 1024 * 1024  # a SEARCH answer with a million UIDs takes 8 MB
SKIP_BYTES = 256 * 1024  # read at a time and thrown away
_KEEPALIVE_S = 60  # the kernel asks a silent peer after this time, so that routers keep the way open

Event = Literal["data", "woken", "timeout"]


class Wire:
    """A connected socket. Used from one thread; `timeout_s` bounds every read and write."""

    def __init__(self, sock: socket.socket, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._use(sock)

    def read_line(self, limit: int = MAX_LINE_BYTES) -> bytes:
        """Return the next line without its line end. Raises SourceUnavailableError past `limit` bytes."""
        try:
            line = self._reader.readline(limit + 2)
        except (OSError, ValueError) as error:
            raise _broken(error) from error
        if line.endswith(b"\r\n"):
            return line[:-2]
        if line.endswith(b"\n"):
            return line[:-1]
        if len(line) > limit:
            raise SourceUnavailableError(f"the mail server sent a line of more than {limit} bytes")
        raise SourceUnavailableError("the mail server closed the connection")

    def read_exactly(self, size: int) -> bytes:
        """Return the next `size` bytes. The caller has checked `size`: as much memory is taken at once."""
        try:
            data = self._reader.read(size)
        except (OSError, ValueError) as error:
            raise _broken(error) from error
        if data is None or len(data) != size:
            raise SourceUnavailableError(
                f"the mail server closed the connection after {len(data or b'')} of {size} bytes"
            )
        return data

    def skip(self, size: int) -> None:
        """Read `size` bytes and forget them."""
        while size > 0:
            size -= len(self.read_exactly(min(size, SKIP_BYTES)))

    def send(self, data: bytes) -> None:
        """Send all of `data`."""
        try:
            self.sock.sendall(data)
        except (OSError, ValueError) as error:
            raise _broken(error) from error

    def wait(self, timeout_s: float, wake: socket.socket) -> Event:
        """Block until there is something to read (or the peer closed), `wake` has a byte, or the time is over."""
        deadline = time.monotonic() + timeout_s
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        poll.register(wake, select.POLLIN)
        while True:
            if self._has_data():
                return "data"
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return "timeout"
            if any(number == wake.fileno() for number, _event in poll.poll(left_s * 1000)):
                return "woken"

    def set_timeout(self, timeout_s: float) -> None:
        """Bound every read and write from now on."""
        self._timeout_s = self._source.timeout_s = timeout_s
        self.sock.settimeout(timeout_s)

    def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Go on in TLS. What came in plain after the server's consent would be forged: it ends the connection."""
        if self._has_data():
            raise SourceUnavailableError("the mail server sent plain data after STARTTLS; someone may be in between")
        try:
            self._use(context.wrap_socket(self.sock, server_hostname=host))
        except (OSError, ValueError) as error:
            raise _broken(error) from error

    def close(self) -> None:
        """Close the socket. May be called twice; never raises."""
        try:
            self.sock.close()
        except OSError:
            pass

    def _use(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.settimeout(self._timeout_s)
        self._source = _SocketSource(sock, self._timeout_s)
        self._reader = io.BufferedReader(self._source, BUFFER_BYTES)

    def _has_data(self) -> bool:
        try:
            with self._source.unblocked():
                return bool(self._reader.peek(1)) or self._source.at_end
        except (OSError, ValueError) as error:
            raise _broken(error) from error


class _SocketSource(io.RawIOBase):
    """What a BufferedReader reads from. `socket.makefile` would refuse every read after one time-out."""

    def __init__(self, sock: socket.socket, timeout_s: float) -> None:
        self._sock = sock
        self.timeout_s = timeout_s
        self.at_end = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int | None:  # type: ignore[override]  # narrower on purpose
        try:
            count = self._sock.recv_into(buffer)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        self.at_end = count == 0
        return count

    def unblocked(self) -> "_Unblocked":
        return _Unblocked(self._sock, self.timeout_s)


class _Unblocked:
    """While inside, reading takes only what is there."""

    def __init__(self, sock: socket.socket, timeout_s: float) -> None:
        self._sock, self._timeout_s = sock, timeout_s

    def __enter__(self) -> None:
        self._sock.settimeout(0)

    def __exit__(self, *_error: object) -> None:
        self._sock.settimeout(self._timeout_s)


def connect(host: str, port: int, timeout_s: float, context: ssl.SSLContext | None) -> Wire:
    """Open a connection, in TLS if there is a `context`. Raises SourceUnavailableError."""
    try:
        sock = socket.create_connection((host, port), timeout=timeout_s)
    except OSError as error:
        raise _broken(error) from error
    try:
        _keep_alive(sock)
        return Wire(context.wrap_socket(sock, server_hostname=host) if context else sock, timeout_s)
    except (OSError, ValueError) as error:
        sock.close()
        raise _broken(error) from error


def _keep_alive(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # small pipelined commands must not wait for answers
    if hasattr(socket, "TCP_KEEPIDLE"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_S)


def _broken(error: Exception) -> SourceUnavailableError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return SourceUnavailableError(
            f"the mail server's certificate is not trusted ({error.verify_message}): "
            "check IMAP_HOST, and IMAP_CA_CERTS for a private server"
        )
    if isinstance(error, TimeoutError):
        return SourceUnavailableError("the mail server did not answer in time")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return SourceUnavailableError(f"the connection to the mail server broke: {reason}")
