"""Opening sessions on the tests' Dovecot."""

from src.imap.credentials import Credentials, Password
from src.imap.endpoint import Endpoint, Tls
from src.imap.session import Session
from tests.fixtures.dovecot import DovecotServer
from tests.fixtures.dovecot_config import PASSWORD

TIMEOUT_S = 20.0


def endpoint(server: DovecotServer, tls: Tls = "none", *, port: int = 0) -> Endpoint:
    """Return the address of the server; `port` when a proxy stands before it."""
    own_port = server.tls_port if tls == "implicit" else server.plain_port
    return Endpoint("localhost", port or own_port, tls, str(server.certificates.ca), TIMEOUT_S)


def open_session(
    server: DovecotServer, user: str, *, tls: Tls = "none", port: int = 0, credentials: Credentials | None = None
) -> Session:
    """Log in as `user`."""
    return Session.open(endpoint(server, tls, port=port), lambda: credentials or Password(user, PASSWORD))


def mail(number: int, size_bytes: int = 200) -> bytes:
    """Return a mail that tells its number, of about this size, with the line ends of the wire."""
    head = b"From: a@example.org\r\nSubject: %d\r\nMessage-ID: <%d@example.org>\r\n\r\n" % (number, number)
    lines = max(0, size_bytes - len(head)) // 72
    return head + b"".join(b"%06d %s\r\n" % (line, b"x" * 63) for line in range(lines)) + b"end\r\n"
