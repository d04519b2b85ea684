"""Signing in to a real server: every way of TLS with every way of login, and each refusal under its own error."""

import socket
from itertools import product

import pytest

from src.common.errors import (
    InsecureConnectionError,
    LoginRefusedError,
    SourceRefusedError,
    SourceUnavailableError,
)
from src.imap.credentials import BearerToken, Credentials, Password
from src.imap.endpoint import Endpoint, Tls
from src.imap.session import Session
from tests.fixtures.dovecot import DovecotServer
from tests.fixtures.dovecot_config import PASSWORD
from tests.fixtures.services import free_port
from tests.integration.imap_wire.sessions import endpoint, open_session

pytestmark = pytest.mark.dovecot

TLS: list[Tls] = ["implicit", "starttls", "none"]
WAYS = ["password", "XOAUTH2", "OAUTHBEARER"]


def _credentials(server: DovecotServer, user: str, way: str, *, is_good: bool = True) -> Credentials:
    if way == "password":
        return Password(user, PASSWORD if is_good else "wrong")
    token = server.tokens.issue(user)
    if not is_good:
        server.tokens.expire(token)
    return BearerToken(user, token, "XOAUTH2" if way == "XOAUTH2" else "OAUTHBEARER")


@pytest.mark.parametrize(("tls", "way"), list(product(TLS, WAYS)))
def test_every_way_in(dovecot: DovecotServer, dovecot_user: str, tls: Tls, way: str) -> None:
    credentials = _credentials(dovecot, dovecot_user, way)
    with open_session(dovecot, dovecot_user, tls=tls, credentials=credentials) as session:
        assert session.has_qresync
        assert session.has_condstore
        assert session.has_idle
        assert not session.has_gmail
        assert session.select("INBOX").exists == 0


@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_password_and_an_expired_token_are_refused(dovecot: DovecotServer, dovecot_user: str, way: str) -> None:
    credentials = _credentials(dovecot, dovecot_user, way, is_good=False)
    with pytest.raises(LoginRefusedError, match="name or password" if way == "password" else "access token") as caught:
        open_session(dovecot, dovecot_user, credentials=credentials)
    assert dovecot_user not in str(caught.value)


def test_another_users_token_is_refused(dovecot: DovecotServer, dovecot_user: str) -> None:
    token = dovecot.tokens.issue(dovecot.new_user())
    with pytest.raises(LoginRefusedError):
        open_session(dovecot, dovecot_user, credentials=BearerToken(dovecot_user, token))


def test_an_identity_provider_that_is_down_is_no_refusal(dovecot: DovecotServer, dovecot_user: str) -> None:
    credentials = BearerToken(dovecot_user, dovecot.tokens.issue(dovecot_user))
    dovecot.tokens.is_down = True
    try:
        with pytest.raises((SourceRefusedError, SourceUnavailableError)):
            open_session(dovecot, dovecot_user, credentials=credentials)
    finally:
        dovecot.tokens.is_down = False


@pytest.mark.parametrize("password", ["pässwört", 'quo"te\\', "spa ce", "a" * 500])
def test_an_odd_password_reaches_the_server_whole(dovecot: DovecotServer, dovecot_user: str, password: str) -> None:
    with pytest.raises(LoginRefusedError, match="refused name or password"):
        open_session(dovecot, dovecot_user, credentials=Password(dovecot_user, password))


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_a_certificate_of_an_unknown_ca_is_refused(dovecot: DovecotServer, dovecot_user: str, tls: Tls) -> None:
    port = dovecot.tls_port if tls == "implicit" else dovecot.plain_port
    with pytest.raises(SourceUnavailableError, match="not trusted"):
        Session.open(Endpoint("localhost", port, tls, timeout_s=10), lambda: Password(dovecot_user, PASSWORD))


def test_a_missing_ca_file_names_the_setting(dovecot: DovecotServer, dovecot_user: str) -> None:
    with pytest.raises(InsecureConnectionError, match="IMAP_CA_CERTS"):
        Session.open(
            Endpoint("localhost", dovecot.tls_port, "implicit", "/nonexistent/ca.pem"),
            lambda: Password(dovecot_user, PASSWORD),
        )


def test_plaintext_to_another_machine_is_refused_before_connecting() -> None:
    with pytest.raises(InsecureConnectionError, match="IMAP_TLS"):
        Session.open(Endpoint("imap.example.org", 143, "none"), lambda: pytest.fail("asked for the password"))


def test_nobody_listening_is_unavailable() -> None:
    with pytest.raises(SourceUnavailableError):
        Session.open(Endpoint("localhost", free_port(), "none", timeout_s=5), lambda: Password("a", "b"))


def test_a_server_that_never_greets_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(SourceUnavailableError, match="in time"):
            Session.open(Endpoint("127.0.0.1", port, "none", timeout_s=0.2), lambda: Password("a", "b"))


def test_credentials_are_asked_for_anew_at_each_connection(dovecot: DovecotServer, dovecot_user: str) -> None:
    asked: list[Credentials] = []

    def refresh() -> Credentials:
        asked.append(BearerToken(dovecot_user, dovecot.tokens.issue(dovecot_user)))
        return asked[-1]

    for _ in range(2):
        Session.open(endpoint(dovecot, "implicit"), refresh).close()
    assert len(asked) == 2
