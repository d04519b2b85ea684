"""The wire over TLS: certificates are checked, connections are kept, and a call can be broken off."""

import ssl
import time
from dataclasses import replace
from pathlib import Path

import httplib2
import pytest

from src.common.errors import GmailUnavailableError
from src.sync import gmail_caller
from src.sync.gmail_values import RawMessage
from tests.fakes.gmail_scripted_server import Answer, message
from tests.fixtures.certificates import Certificates, make_certificates
from tests.integration.gmail_wire.conftest import MakeWire, StopError, Wire

pytestmark = pytest.mark.redis

ID = "18c0ffee00000001"
MAIL = b"Subject: x\r\n\r\n" * 5_000


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder: Path = tmp_path_factory.mktemp("certificates")
    return make_certificates(folder)


@pytest.fixture
def tls(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.key)
    return context


def test_mails_come_over_one_kept_connection(
    wire: MakeWire, tls: ssl.SSLContext, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(httplib2, "CA_CERTS", str(certificates.ca))
    w: Wire = wire(lambda asked: Answer(message(ID, MAIL)), tls=tls)
    for _ in range(3):
        found = w.api.get_raw(ID)
        assert isinstance(found, RawMessage)
        assert found.raw == MAIL
    assert len({asked.port for asked in w.server.asked}) == 1


def test_a_certificate_that_is_not_trusted_ends_the_call(
    wire: MakeWire, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gmail_caller, "TRIES", replace(gmail_caller.TRIES, max_attempts=1, initial_s=0.01))
    w: Wire = wire(lambda asked: Answer(message(ID, MAIL)), tls=tls)
    with pytest.raises(GmailUnavailableError, match="certificate is not trusted"):
        w.api.get_raw(ID)
    assert not w.server.asked


def test_a_stop_breaks_off_what_is_under_way(
    wire: MakeWire, tls: ssl.SSLContext, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(httplib2, "CA_CERTS", str(certificates.ca))
    w: Wire

    def silent(asked: object) -> Answer:
        w.stop.set()
        return Answer(message(ID, MAIL), delay_s=2.0)

    w = wire(silent, tls=tls)
    began_at = time.monotonic()
    with pytest.raises(StopError):
        list(w.api.fetch_many([ID] * 20, use="backfill", threads=4))
    assert time.monotonic() - began_at < 1.5
