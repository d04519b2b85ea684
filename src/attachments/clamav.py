"""ClamAV: attachments are sent to its daemon by the INSTREAM command, over a Unix socket or TCP; see clamd(8).

Three things go wrong, and differ:
- clamd is away: wait, or go on unscanned, as `CLAMAV_WHEN_DOWN` says;
- clamd is there, but scans nothing at all, such as with a full disk: the same. A PING would not tell: it is sent a few
  harmless bytes to scan;
- clamd is well, and cannot scan this one (larger than its `StreamMaxLength`, too deep, too slow): `unscanned`, since no
  waiting would help, and its mail must not wait for ever.
A clamd that kept a scan waiting, and then turned out to be away, is left alone for as long.
"""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from src.attachments.extractor import Content
from src.attachments.scan import Scanned
from src.common.errors import ScannerUnavailableError
from src.common.instruments import SCANS
from src.common.logs import get_logger
from src.model.extraction import Scan
from src.text.normalise import one_line

log = get_logger(__name__)

CONNECT_S = 5.0
SCAN_S = 150.0  # one attachment; more than clamd allows itself (MaxScanTime, 120 s), so that it has ended by then
WELL_S = 15.0  # a few bytes, beside what else is scanned
SLICE_BYTES = 256 * 1024
ANSWER_BYTES = 4_096  # longest answer that is read
SIGNATURE_CHARS = 200
HARMLESS = b"a few bytes to scan"

Address = str | tuple[str, int]  # path of a Unix socket, or host and port


class _NoVerdictError(Exception):
    """Raised when clamd took the connection, and told neither clean nor infected."""


class ClamAv:
    """Plays Scanner. Each scan has a connection of its own."""

    def __init__(
        self, address: Address, *, waits: bool = True, max_bytes: int = 25 * 1024 * 1024, scan_s: float = SCAN_S
    ) -> None:
        """`waits`: for a clamd that is away; False: go on unscanned. `max_bytes`: `StreamMaxLength` of clamd.conf."""
        self._address = address
        self._waits = waits
        self._max_bytes = max_bytes
        self._scan_s = scan_s
        self._left_alone_until = 0.0  # as time.monotonic tells it
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._is_closed = False

    def scan(self, content: Content) -> Scanned:
        """As in Scanner."""
        scanned = self._scan(content)
        SCANS.labels(scanned.verdict.value).inc()
        return scanned

    def close(self) -> None:
        """As in Scanner."""
        with self._lock:
            self._is_closed = True
            for connection in self._connections:
                with suppress(OSError):  # clamd was faster
                    connection.shutdown(socket.SHUT_RDWR)

    def version(self) -> str:
        """Return clamd's version and that of its signatures, if it scans. Raises ScannerUnavailableError."""
        try:
            with self._connected(CONNECT_S) as connection:
                connection.sendall(b"zVERSION\0")
                version = _read_answer(connection, time.monotonic() + CONNECT_S)
        except (OSError, _NoVerdictError) as error:
            raise _away(error) from error
        if not self._is_well():
            raise _away(_NoVerdictError("no verdict on a few bytes"))
        return version

    def _scan(self, content: Content) -> Scanned:
        if content.size_bytes > self._max_bytes:
            return Scanned(Scan.UNSCANNED)
        began = time.monotonic()
        if began < self._left_alone_until:
            return self._down(TimeoutError("it kept an earlier scan waiting"))
        try:
            return self._verdict(content, self._scan_s)
        except _NoVerdictError as error:
            if self._is_well():
                log.warning("not_scanned", error=str(error))
                return Scanned(Scan.UNSCANNED)
            reason: Exception = error
        except OSError as error:
            reason = error
        now = time.monotonic()
        self._left_alone_until = now + (now - began)
        return self._down(reason)

    def _verdict(self, content: Content, within_s: float) -> Scanned:
        """Have it scanned. Raises OSError if clamd cannot be reached, else _NoVerdictError."""
        deadline = time.monotonic() + within_s
        with self._connected(within_s) as connection:
            try:
                _send(connection, content, deadline)
            except OSError:
                pass  # clamd hangs up on what it does not want to the end, and may have said why
            try:
                return _judged(_read_answer(connection, deadline))
            except OSError as error:
                raise _NoVerdictError(type(error).__name__) from error

    def _is_well(self) -> bool:
        """Tell whether clamd scans anything."""
        few = Content("application/octet-stream", "", len(HARMLESS), data=HARMLESS)
        try:
            return self._verdict(few, WELL_S).verdict is Scan.CLEAN
        except (OSError, _NoVerdictError):
            return False

    def _down(self, reason: Exception) -> Scanned:
        if self._waits:
            raise _away(reason) from reason
        log.warning("scanner_away", error=type(reason).__name__)
        return Scanned(Scan.UNSCANNED)

    @contextmanager
    def _connected(self, timeout_s: float) -> Iterator[socket.socket]:
        with _connection(self._address) as connection:
            with self._lock:
                if self._is_closed:
                    raise ConnectionAbortedError("the worker ends")
                self._connections.add(connection)
            try:
                connection.settimeout(timeout_s)
                yield connection
            finally:
                with self._lock:
                    self._connections.discard(connection)


def _connection(address: Address) -> socket.socket:
    """Return a new connection. Raises OSError."""
    if isinstance(address, tuple):
        return socket.create_connection(address, CONNECT_S)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(CONNECT_S)
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def _send(connection: socket.socket, content: Content, deadline: float) -> None:
    connection.sendall(b"zINSTREAM\0")
    with content.open() as file:
        while piece := file.read(SLICE_BYTES):
            _keep_to(connection, deadline)
            connection.sendall(struct.pack(">L", len(piece)))
            connection.sendall(piece)
    connection.sendall(struct.pack(">L", 0))


def _read_answer(connection: socket.socket, deadline: float) -> str:
    """Return an answer without its end. Raises OSError, _NoVerdictError."""
    answer = b""
    while not answer.endswith(b"\0"):
        _keep_to(connection, deadline)
        piece = connection.recv(ANSWER_BYTES)
        answer += piece
        if not piece or len(answer) > ANSWER_BYTES:
            raise _NoVerdictError("no whole answer")
    return answer.rstrip(b"\0").decode("utf-8", "replace").strip()


def _keep_to(connection: socket.socket, deadline: float) -> None:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("the time for one attachment is over")
    connection.settimeout(left_s)


def _judged(answer: str) -> Scanned:
    """Return the meaning of `stream: OK` or `stream: NAME FOUND`. Raises _NoVerdictError for all else, `… ERROR`."""
    said = answer.removeprefix("stream: ")
    if said == "OK":
        return Scanned(Scan.CLEAN)
    if said.endswith(" FOUND"):
        return Scanned(Scan.INFECTED, one_line(said.removesuffix(" FOUND"), SIGNATURE_CHARS))
    raise _NoVerdictError(one_line(said, SIGNATURE_CHARS))  # clamd's own words, none of the mail's


def _away(reason: Exception) -> ScannerUnavailableError:
    if isinstance(reason, _NoVerdictError):
        return ScannerUnavailableError(
            f"clamd is there, but scans nothing ({reason}): look at its log, and at the room in its TemporaryDirectory"
        )
    return ScannerUnavailableError(
        f"clamd did not answer ({type(reason).__name__}): start it, or set CLAMAV_WHEN_DOWN=go_on"
    )
