"""ClamAV: attachments are sent to its daemon by the INSTREAM command, over a Unix socket or TCP; see clamd(8).

Three things go wrong, and differ:
- clamd is away: wait, or go on unscanned, as `CLAMAV_WHEN_DOWN` says;
- clamd is well, and cannot scan this one (larger than its `StreamMaxLength`, too deep, too slow): `unscanned`, since no
  waiting would help, and its mail must not wait for ever;
- the connection breaks off: clamd tells which of the two it is, when it is asked for a PING.
"""

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from src.attachments.extractor import Content
from src.attachments.scan import Scanned
from src.common.errors import ScannerUnavailableError
from src.common.instruments import SCANS
from src.common.logs import get_logger
from src.model.extraction import Scan
from src.text.normalise import one_line

log = get_logger(__name__)

CONNECT_S = 5.0
SCAN_S = 120.0  # one attachment; clamd's own limit of time (MaxScanTime) is as long by default
SLICE_BYTES = 256 * 1024
ANSWER_BYTES = 4_096  # longest answer that is read
SIGNATURE_CHARS = 200

Address = str | tuple[str, int]  # path of a Unix socket, or host and port


class _BrokenOffError(Exception):
    """Raised when the connection broke after clamd had taken it."""


@dataclass(frozen=True, slots=True)
class ClamAv:
    """Plays Scanner. Each scan has a connection of its own."""

    address: Address
    waits: bool = True  # for a clamd that is away; False: go on unscanned
    max_bytes: int = 25 * 1024 * 1024  # `StreamMaxLength` of clamd.conf
    scan_s: float = SCAN_S

    def scan(self, content: Content) -> Scanned:
        """As in Scanner."""
        scanned = self._scan(content)
        SCANS.labels(scanned.verdict.value).inc()
        return scanned

    def version(self) -> str:
        """Return clamd's version and that of its signatures. Raises ScannerUnavailableError."""
        try:
            with self._connected(CONNECT_S) as connection:
                connection.sendall(b"zVERSION\0")
                return _read_answer(connection, time.monotonic() + CONNECT_S)
        except (OSError, _BrokenOffError) as error:
            raise _away(error) from error

    def _scan(self, content: Content) -> Scanned:
        if content.size_bytes > self.max_bytes:
            return Scanned(Scan.UNSCANNED)
        try:
            with self._connected(self.scan_s) as connection:
                return _judged(self._ask(connection, content))
        except _BrokenOffError as error:
            return self._unscannable() if self._is_well() else self._down(error)
        except OSError as error:
            return self._down(error)

    def _ask(self, connection: socket.socket, content: Content) -> str:
        """Send the content and return clamd's answer. Raises _BrokenOffError."""
        deadline = time.monotonic() + self.scan_s
        try:
            _send(connection, content, deadline)
        except OSError:
            pass  # clamd hangs up on what it does not want to the end, and may have said why
        try:
            return _read_answer(connection, deadline)
        except OSError as error:
            raise _BrokenOffError(str(error)) from error

    def _is_well(self) -> bool:
        try:
            with self._connected(CONNECT_S) as connection:
                connection.sendall(b"zPING\0")
                return _read_answer(connection, time.monotonic() + CONNECT_S) == "PONG"
        except (OSError, _BrokenOffError):
            return False

    def _down(self, error: Exception) -> Scanned:
        if self.waits:
            raise _away(error) from error
        log.warning("scanner_away", error=type(error).__name__)
        return Scanned(Scan.UNSCANNED)

    def _unscannable(self) -> Scanned:
        log.warning("scan_broken_off")
        return Scanned(Scan.UNSCANNED)

    @contextmanager
    def _connected(self, timeout_s: float) -> Iterator[socket.socket]:
        if isinstance(self.address, tuple):
            connection = socket.create_connection(self.address, CONNECT_S)
        else:
            connection = socket.socket(socket.AF_UNIX)
        with connection:
            if isinstance(self.address, str):
                connection.settimeout(CONNECT_S)
                connection.connect(self.address)
            connection.settimeout(timeout_s)
            yield connection


def _send(connection: socket.socket, content: Content, deadline: float) -> None:
    connection.sendall(b"zINSTREAM\0")
    with content.open() as file:
        while piece := file.read(SLICE_BYTES):
            _keep_to(connection, deadline)
            connection.sendall(struct.pack(">L", len(piece)))
            connection.sendall(piece)
    connection.sendall(struct.pack(">L", 0))


def _read_answer(connection: socket.socket, deadline: float) -> str:
    """Return an answer without its end. Raises OSError, _BrokenOffError."""
    answer = b""
    while not answer.endswith(b"\0"):
        _keep_to(connection, deadline)
        piece = connection.recv(ANSWER_BYTES)
        answer += piece
        if not piece or len(answer) > ANSWER_BYTES:
            raise _BrokenOffError("no whole answer")
    return answer.rstrip(b"\0").decode("utf-8", "replace").strip()


def _keep_to(connection: socket.socket, deadline: float) -> None:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("the time for one attachment is over")
    connection.settimeout(left_s)


def _judged(answer: str) -> Scanned:
    """Return the meaning of `stream: OK`, `stream: NAME FOUND`, or `… ERROR`."""
    said = answer.removeprefix("stream: ")
    if said == "OK":
        return Scanned(Scan.CLEAN)
    if said.endswith(" FOUND"):
        return Scanned(Scan.INFECTED, one_line(said.removesuffix(" FOUND"), SIGNATURE_CHARS))
    log.warning("scan_refused", answer=one_line(said, SIGNATURE_CHARS))  # clamd's own words, none of the mail's
    return Scanned(Scan.UNSCANNED)


def _away(error: Exception) -> ScannerUnavailableError:
    return ScannerUnavailableError(
        f"clamd did not answer ({type(error).__name__}): start it, or set CLAMAV_WHEN_DOWN=go_on"
    )
