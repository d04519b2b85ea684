"""WireClient: imapclient, and imaplib below it, on our own Wire. Used until the login is done, within bounds."""

import imaplib
import ssl
from typing import Any

from imapclient import IMAPClient

from src.imap.response import garbage
from src.imap.wire import Wire

MAX_SIGN_IN_BYTES = 1024 * 1024  # all that a server may say before we are logged in
MAX_SIGN_IN_LINE_BYTES = 64 * 1024


class _Imap4(imaplib.IMAP4):
    """imaplib's client on our Wire."""

    def __init__(self, wire: Wire, host: str) -> None:
        self._wire = wire
        self._left_bytes = MAX_SIGN_IN_BYTES
        super().__init__(host)

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:  # noqa: ARG002
        self.host, self.port, self.sock = host, port, self._wire.sock

    def read(self, size: int) -> bytes:
        self._count(size)
        return self._wire.read_exactly(size)

    def readline(self) -> bytes:
        line = self._wire.read_line(MAX_SIGN_IN_LINE_BYTES)
        self._count(len(line))
        return line + b"\r\n"

    def send(self, data: Any) -> None:
        self._wire.send(data)

    def shutdown(self) -> None:
        self._wire.close()

    def starttls(self, ssl_context: ssl.SSLContext | None = None) -> tuple[Any, Any]:
        assert ssl_context is not None
        status, data = self._simple_command("STARTTLS")
        if status == "OK":
            self._wire.start_tls(ssl_context, self.host)
            self.sock = self._wire.sock
            self.untagged_responses.clear()  # told in plain: not to be trusted
            self._get_capabilities()
        return status, data

    def _count(self, size: int) -> None:
        self._left_bytes -= size
        if self._left_bytes < 0:
            raise garbage(f"more than {MAX_SIGN_IN_BYTES} bytes before we were logged in")


class WireClient(IMAPClient):  # type: ignore[misc]  # imapclient has no types
    """imapclient, reading and writing through a Wire that is connected already."""

    def __init__(self, wire: Wire, host: str, port: int) -> None:
        self._wire = wire
        super().__init__(host, port, ssl=False)

    def _create_IMAP4(self) -> _Imap4:  # noqa: N802  # imapclient's name
        return _Imap4(self._wire, self.host)

    def _set_read_timeout(self) -> None:
        """The Wire has its own."""
