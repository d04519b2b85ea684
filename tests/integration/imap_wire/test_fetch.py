"""Fetching from a real server: every mail once and byte for byte, whatever happens on the way."""

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from src.common.errors import SourceUnavailableError
from src.imap.answers import FetchedMail, GoneMail, LargeMail
from src.imap.endpoint import Tls
from src.imap.uid_set import UidSet
from tests.fakes.cutting_proxy import CuttingProxy
from tests.fixtures.dovecot import DovecotServer
from tests.integration.imap_wire.sessions import mail, open_session

pytestmark = pytest.mark.dovecot

MIB = 1024 * 1024


@pytest.mark.parametrize("tls", ["none", "implicit"])
def test_every_mail_comes_once_and_byte_for_byte(dovecot: DovecotServer, dovecot_user: str, tls: Tls) -> None:
    mails = [mail(number, 100 + 37 * number) for number in range(1, 701)]
    dovecot.deliver(dovecot_user, mails)
    with open_session(dovecot, dovecot_user, tls=tls) as session:
        session.select("INBOX")
        came = list(session.fetch_mails(session.search_uids()))
    assert len(came) == 700
    assert {answer.uid: answer.raw for answer in came if isinstance(answer, FetchedMail)} == dict(enumerate(mails, 1))


def test_facts_come_with_the_mail_and_seen_stays_unset(dovecot: DovecotServer, dovecot_user: str) -> None:
    dovecot.deliver(dovecot_user, [mail(1)], flags=("\\Flagged", "$Forwarded"))
    with open_session(dovecot, dovecot_user) as session:
        session.select("INBOX")
        (answer,) = session.fetch_mails([1])
        (described,) = session.describe([1], message_id=True)
        (flags,) = session.fetch_flags().changes
    assert isinstance(answer, FetchedMail)
    assert answer.facts.flags == flags.flags == ("$Forwarded", "\\Flagged")
    assert answer.facts.size_bytes == len(mail(1))
    assert answer.facts.modseq == flags.modseq
    assert answer.facts.received_at is not None
    assert abs(answer.facts.received_at - datetime.now(UTC)) < timedelta(minutes=5)
    assert (described.message_id, answer.facts.message_id) == ("1@example.org", "")


def test_large_mails_are_left_to_slices(dovecot: DovecotServer, dovecot_user: str) -> None:
    mails = [mail(1), mail(2, 300_000), mail(3), b"", mail(5)]
    dovecot.deliver(dovecot_user, [raw for raw in mails if raw])
    with open_session(dovecot, dovecot_user) as session:
        session.select("INBOX")
        came = {answer.uid: answer for answer in session.fetch_mails([1, 2, 3, 4], large_bytes=100_000)}
        assert {uid for uid, answer in came.items() if isinstance(answer, LargeMail)} == {2}
        slices = list(session.fetch_slices(2, slice_bytes=65536))
        assert list(session.fetch_slices(99)) == []
    assert b"".join(slices) == mails[1]
    assert max(map(len, slices)) == 65536


def test_mails_gone_since_the_search_are_told_from_empty_ones(dovecot: DovecotServer, dovecot_user: str) -> None:
    dovecot.deliver(dovecot_user, [mail(number) for number in range(1, 6)])
    with open_session(dovecot, dovecot_user) as session:
        session.select("INBOX")
        uids = session.search_uids()
        dovecot.expunge(dovecot_user, [2, 4])
        came = {answer.uid: type(answer) for answer in session.fetch_mails(uids)}
        assert came == {1: FetchedMail, 2: GoneMail, 3: FetchedMail, 4: GoneMail, 5: FetchedMail}
        assert [facts.uid for facts in session.describe(uids)] == [1, 3, 5]
        assert not session.is_closed


def test_a_uid_that_never_was_is_gone(dovecot: DovecotServer, dovecot_user: str) -> None:
    dovecot.deliver(dovecot_user, mail(1))
    with open_session(dovecot, dovecot_user) as session:
        session.select("INBOX")
        assert {answer.uid: type(answer) for answer in session.fetch_mails([1, 2, 77])} == {
            1: FetchedMail,
            2: GoneMail,
            77: GoneMail,
        }


def test_a_cut_in_the_middle_keeps_what_had_come(dovecot: DovecotServer, dovecot_user: str) -> None:
    mails = [mail(number, 10_000) for number in range(1, 101)]
    dovecot.deliver(dovecot_user, mails)
    with CuttingProxy(dovecot.plain_port, cut_after_bytes=600_000) as proxy:
        session = open_session(dovecot, dovecot_user, port=proxy.port)
        session.select("INBOX")
        came: list[FetchedMail] = []
        walk = session.fetch_mails(session.search_uids())
        with pytest.raises(SourceUnavailableError):
            came.extend(answer for answer in walk if isinstance(answer, FetchedMail))
        assert session.is_closed
        with pytest.raises(SourceUnavailableError):
            session.search_uids()
    assert 40 <= len(came) <= 60
    assert all(answer.raw == mails[answer.uid - 1] for answer in came)


def test_a_mail_the_server_cannot_give_ends_the_connection_and_the_others_can_be_had(
    dovecot: DovecotServer, dovecot_user: str
) -> None:
    dovecot.deliver(dovecot_user, [mail(1), mail(2)])
    dovecot.deliver_broken(dovecot_user, mail(3, 5000))
    with open_session(dovecot, dovecot_user) as session:
        session.select("INBOX")
        uids = session.search_uids()
        assert len(uids) == 3
        with pytest.raises(SourceUnavailableError):
            list(session.fetch_mails(uids))
    with open_session(dovecot, dovecot_user) as session:
        session.select("INBOX")
        assert [type(answer) for answer in session.fetch_mails([1, 2])] == [FetchedMail, FetchedMail]


def test_a_walk_left_half_way_closes_the_session(dovecot: DovecotServer, dovecot_user: str) -> None:
    dovecot.deliver(dovecot_user, [mail(number) for number in range(1, 4)])
    with open_session(dovecot, dovecot_user) as session:
        session.select("INBOX")
        walk = session.fetch_mails([1, 2, 3])
        next(walk)
        with pytest.raises(RuntimeError):
            session.search_uids()
        walk.close()  # type: ignore[attr-defined]  # an Iterator to callers, a generator in truth
        assert session.is_closed


def test_the_server_restarts_and_a_new_session_works(own_dovecot: DovecotServer) -> None:
    user = own_dovecot.new_user()
    own_dovecot.deliver(user, mail(1))
    session = open_session(own_dovecot, user)
    session.select("INBOX")
    own_dovecot.restart()
    with pytest.raises(SourceUnavailableError):
        session.noop()
    own_dovecot.kill9()
    with pytest.raises(SourceUnavailableError):
        open_session(own_dovecot, user)
    own_dovecot.start()
    with open_session(own_dovecot, user) as session:
        session.select("INBOX")
        assert [answer.uid for answer in session.fetch_mails([1])] == [1]


READ_BIG = """
import re, sys
from pathlib import Path
from src.imap.credentials import Password
from src.imap.endpoint import Endpoint
from src.imap.session import Session

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

port, user, password, way = int(sys.argv[1]), *sys.argv[2:5]
with Session.open(Endpoint("localhost", port, "none"), lambda: Password(user, password)) as session:
    session.select("INBOX")
    before = peak()
    if way == "slices":
        size = sum(map(len, session.fetch_slices(1)))
    else:
        size = sum(len(mail.raw) for mail in session.fetch_mails([1], large_bytes=2**30))
    print(size, peak() - before)
"""


@pytest.mark.parametrize(("way", "most_mb"), [("whole", 100), ("slices", 20)])
def test_a_30_mb_mail_takes_little_memory(dovecot: DovecotServer, dovecot_user: str, way: str, most_mb: int) -> None:
    from tests.fixtures.dovecot_config import PASSWORD

    raw = mail(1, 30 * MIB)
    dovecot.deliver(dovecot_user, raw)
    command = [sys.executable, "-c", READ_BIG, str(dovecot.plain_port), dovecot_user, PASSWORD, way]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    size, extra_mb = re.fullmatch(r"(\d+) ([\d.]+)\n", told).groups()  # type: ignore[union-attr]  # else it fails too
    assert int(size) == len(raw)
    assert float(extra_mb) <= most_mb


def test_scattered_uids_fit_into_the_servers_lines(dovecot: DovecotServer, dovecot_user: str) -> None:
    dovecot.deliver(dovecot_user, [mail(number) for number in range(1, 1301)])
    odd = UidSet.of(range(1, 1301, 2))
    with open_session(dovecot, dovecot_user) as session:
        session.select("INBOX")
        assert sorted(answer.uid for answer in session.fetch_mails(odd)) == list(odd)
        assert [change.uid for change in session.fetch_flags(odd).changes] == list(odd)
