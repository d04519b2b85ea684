"""Sign in: from an Endpoint to a Channel that is logged in. imapclient talks, over our Wire.

Order: connect (TLS at once, or STARTTLS before anything is told), log in, ask what the server can do, ENABLE.
imapclient's own log-in wrappers hide the OAuth challenge, so the mechanisms go through its `sasl_login`.
"""

import imaplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from imapclient.exceptions import IMAPClientError

from src.common.errors import (
    InsecureConnectionError,
    LoginRefusedError,
    SourceRefusedError,
    SourceUnavailableError,
)
from src.imap.channel import Channel
from src.imap.credentials import BearerToken, Credentials, CredentialsSource, Password
from src.imap.endpoint import Endpoint
from src.imap.refusal import login_refusal
from src.imap.response import garbage
from src.imap.wire import Wire, connect
from src.imap.wire_client import WireClient

_WANTED = ("CONDSTORE", "QRESYNC", "UTF8=ACCEPT")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh connection."""

    channel: Channel
    capabilities: frozenset[str]  # upper case, as told after the log-in
    enabled: frozenset[str]  # what ENABLE switched on


def sign_in(endpoint: Endpoint, credentials: CredentialsSource) -> SignedIn:
    """Connect and log in.

    Raises SourceUnavailableError, SourceRefusedError, LoginRefusedError or InsecureConnectionError. `credentials` is
    asked before connecting, so that a slow token endpoint does not keep the server waiting.
    """
    if endpoint.tls == "none" and not (endpoint.is_loopback or endpoint.allow_plaintext):
        raise InsecureConnectionError(
            "IMAP_TLS=none would send the password or token in plain to another machine: use implicit or starttls"
        )
    known = credentials()
    context = None if endpoint.tls == "none" else _tls_context(endpoint)
    wire = connect(endpoint.host, endpoint.port, endpoint.timeout_s, context if endpoint.tls == "implicit" else None)
    try:
        with _translated():
            return _sign_in(wire, endpoint, known, context)
    except BaseException:
        wire.close()
        raise


def _sign_in(wire: Wire, endpoint: Endpoint, credentials: Credentials, context: ssl.SSLContext | None) -> SignedIn:
    client = WireClient(wire, endpoint.host, endpoint.port)
    client._imap.debug = 0  # imapclient sets 5: imaplib would write out everything it reads, for nobody
    if endpoint.tls == "starttls":
        _start_tls(client, context)
    if client._imap.state != "AUTH":  # PREAUTH: the server knows us already
        client._imap.untagged_responses.clear()  # what was said before the log-in does not count after it
        _log_in(client, credentials)
    capabilities = _capabilities(client)
    enabled = _enable(client, capabilities)
    return SignedIn(Channel(wire, utf8="UTF8=ACCEPT" in enabled), capabilities, enabled)


def _tls_context(endpoint: Endpoint) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=endpoint.ca_file or None)
    except OSError as error:
        raise InsecureConnectionError(f"IMAP_CA_CERTS cannot be read as CA certificates: {error.strerror}") from error


def _start_tls(client: WireClient, context: ssl.SSLContext | None) -> None:
    if client._imap.state == "AUTH" or b"STARTTLS" not in client.capabilities():
        raise InsecureConnectionError("the mail server offers no STARTTLS: use IMAP_TLS=implicit, mostly on port 993")
    client.starttls(context)


def _log_in(client: WireClient, credentials: Credentials) -> None:
    if isinstance(credentials, BearerToken):
        _check_clean(credentials.user, credentials.token)
        return _authenticate(client, credentials.mechanism, _bearer_answer(client, credentials), credentials.mechanism)
    _check_clean(credentials.user, credentials.password)
    can = client.capabilities()
    if b"AUTH=PLAIN" in can:
        return _authenticate(client, "PLAIN", f"\0{credentials.user}\0{credentials.password}".encode(), "PLAIN")
    if b"LOGINDISABLED" in can:
        raise LoginRefusedError("the mail server takes no password on this connection: use IMAP_TLS=implicit, or OAuth")
    return _plain_login(client, credentials)


def _bearer_answer(client: WireClient, credentials: BearerToken) -> bytes:
    if credentials.mechanism == "XOAUTH2":
        return f"user={credentials.user}\1auth=Bearer {credentials.token}\1\1".encode()
    user = credentials.user.replace("=", "=3D").replace(",", "=2C")  # RFC 5801 section 4
    return f"n,a={user},\1host={client.host}\1port={client.port}\1auth=Bearer {credentials.token}\1\1".encode()


def _authenticate(client: WireClient, mechanism: str, answer: bytes, name: str) -> None:
    """Run a mechanism that says all at once; a second challenge holds the reason of a refusal, and wants an end."""
    challenges: list[bytes] = []

    def respond(challenge: bytes) -> bytes:
        challenges.append(challenge)
        if len(challenges) == 1:
            return answer
        return b"\1" if mechanism == "OAUTHBEARER" else b""  # RFC 7628 section 3.2.3

    try:
        client.sasl_login(name, respond)
    except IMAPClientError as error:
        _raise_if_aborted(error)
        raise login_refusal(_server_text(error), challenge=b"".join(challenges[1:])) from error


def _plain_login(client: WireClient, credentials: Password) -> None:
    try:
        client.login(credentials.user, credentials.password)
    except IMAPClientError as error:
        _raise_if_aborted(error)
        raise login_refusal(_server_text(error)) from error
    except UnicodeEncodeError:
        # Not chained: the exception holds the password.
        raise LoginRefusedError("the mail server has no AUTH=PLAIN, which a password beyond ASCII needs") from None


def _check_clean(*secrets: str) -> None:
    if any(sign < " " or sign == "\x7f" for secret in secrets for sign in secret):
        raise LoginRefusedError("name, password or token holds a control character or line break: set it again")


def _capabilities(client: WireClient) -> frozenset[str]:
    return frozenset(name.decode("ascii", "replace").upper() for name in client.capabilities())


def _enable(client: WireClient, capabilities: frozenset[str]) -> frozenset[str]:
    wanted = [name for name in _WANTED if name in capabilities]
    if not wanted or "ENABLE" not in capabilities:
        return frozenset()
    try:
        return frozenset(name.decode("ascii", "replace").upper() for name in client.enable(*wanted))
    except IMAPClientError as error:
        _raise_if_aborted(error)
        return frozenset()  # refused, though offered: we live without


def _server_text(error: Exception) -> bytes:
    text = str(error)
    return (text[2:-1] if text.startswith(("b'", 'b"')) else text).encode("utf-8", "replace")


def _raise_if_aborted(error: Exception) -> None:
    """imapclient turns a broken connection into a refused log-in too: the cause tells them apart."""
    for each in (error, error.__context__):
        if isinstance(each, imaplib.IMAP4.abort):
            raise SourceUnavailableError("the mail server ended the connection while we logged in") from error


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what imaplib and imapclient raise into our errors."""
    try:
        yield
    except imaplib.IMAP4.abort as error:
        raise SourceUnavailableError("the mail server ended the connection while we logged in") from error
    except imaplib.IMAP4.error as error:
        raise SourceRefusedError("the mail server refused a command before the log-in") from error
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise garbage("what it said at the log-in") from error
