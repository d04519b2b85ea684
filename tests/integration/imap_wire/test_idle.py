"""IDLE on a real server: woken by what happens, by another thread, or not at all; and a dead connection is noticed."""

import threading
import time

import pytest

from src.common.errors import SourceUnavailableError
from src.imap.endpoint import Tls
from tests.fakes.cutting_proxy import CuttingProxy
from tests.fixtures.dovecot import DovecotServer
from tests.integration.imap_wire.sessions import mail, open_session

pytestmark = pytest.mark.dovecot

LONG_S = 20.0


@pytest.mark.parametrize("tls", ["none", "implicit"])
def test_a_new_mail_wakes(dovecot: DovecotServer, dovecot_user: str, tls: Tls) -> None:
    with open_session(dovecot, dovecot_user, tls=tls) as session:
        session.select("INBOX")
        deliver = threading.Timer(0.2, dovecot.deliver, (dovecot_user, mail(1)))
        deliver.start()
        started = time.monotonic()
        assert session.idle(LONG_S)
        assert time.monotonic() - started < 10
        deliver.join()
        assert list(session.search_uids()) == [1]
        assert not session.idle(0.05)  # told once, searched since: no news any more


def test_an_expunge_wakes(dovecot: DovecotServer, dovecot_user: str) -> None:
    dovecot.deliver(dovecot_user, mail(1))
    with open_session(dovecot, dovecot_user) as session:
        session.select("INBOX")
        expunge = threading.Timer(0.2, dovecot.expunge, (dovecot_user, [1]))
        expunge.start()
        assert session.idle(LONG_S)
        expunge.join()


def test_a_mail_that_came_between_two_commands_is_not_slept_over(dovecot: DovecotServer, dovecot_user: str) -> None:
    with open_session(dovecot, dovecot_user) as session:
        session.select("INBOX")
        session.search_uids()
        dovecot.deliver(dovecot_user, mail(1))
        session.fetch_flags()  # its answer tells EXISTS, which IDLE will not repeat
        assert session.noop()
        started = time.monotonic()
        assert session.idle(LONG_S)
        assert time.monotonic() - started < 1


def test_another_thread_interrupts(dovecot: DovecotServer, dovecot_user: str) -> None:
    with open_session(dovecot, dovecot_user) as session:
        session.select("INBOX")
        threading.Timer(0.2, session.interrupt).start()
        started = time.monotonic()
        assert not session.idle(LONG_S)
        assert time.monotonic() - started < 5
        session.interrupt()  # before idling: ends the next one
        assert not session.idle(LONG_S)
        assert time.monotonic() - started < 6
        assert list(session.search_uids()) == []  # the session is in step


def test_time_passes_and_the_session_is_in_step(dovecot: DovecotServer, dovecot_user: str) -> None:
    with open_session(dovecot, dovecot_user) as session:
        session.select("INBOX")
        for _ in range(3):
            assert not session.idle(0.05)
        assert session.status("INBOX").messages == 0


def test_a_cut_while_idling_is_noticed_at_once(dovecot: DovecotServer, dovecot_user: str) -> None:
    with CuttingProxy(dovecot.plain_port) as proxy:
        session = open_session(dovecot, dovecot_user, port=proxy.port)
        session.select("INBOX")
        threading.Timer(0.2, proxy.cut).start()
        started = time.monotonic()
        with pytest.raises(SourceUnavailableError):
            session.idle(LONG_S)
        assert time.monotonic() - started < 5
        assert session.is_closed
