"""The IMAP source on a real Dovecot: catch-up, changes, renumbering, and all that may break in between."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest

from src.common.errors import MailboxMissingError
from src.model.cursor import Cursor
from src.model.envelope import Kind
from tests.fakes.cutting_proxy import CuttingProxy
from tests.fakes.pipeline_model import PipelineModel
from tests.fixtures.dovecot import DovecotServer
from tests.integration.sources.dovecot_reading import LIMITS, Account, mail, mails, numbers
from tests.unit.sources.imap_reading import Reader

pytestmark = pytest.mark.dovecot


@pytest.fixture
def model() -> PipelineModel:
    """Give an empty pipeline."""
    return PipelineModel()


@pytest.fixture
def account(dovecot: DovecotServer, dovecot_user: str) -> Account:
    """Give an account of its own."""
    return Account(dovecot, dovecot_user)


@contextmanager
def reading(account: Account, model: PipelineModel, mailbox: str = "INBOX") -> Iterator[Reader]:
    """Give a reader and close its connection in the end."""
    reader = account.reader(model, mailbox=mailbox)
    try:
        yield reader
    finally:
        reader.source.close()  # the one it has by now: a restart makes another


def test_catch_up_restart_and_what_came_meanwhile(account: Account, model: PipelineModel) -> None:
    account.server.deliver(account.user, mails(1, 150))
    with reading(account, model) as reader:
        for _ in range(3):
            reader.step()
        reader.restart()
        account.server.deliver(account.user, mails(151, 160))
        reader.run()
        assert numbers(model) == list(range(1, 161))
        assert all(batch.cursor.values for batch in reader.batches)


def test_cut_in_the_middle_of_a_fetch_costs_nothing(
    dovecot: DovecotServer, dovecot_user: str, model: PipelineModel
) -> None:
    dovecot.deliver(dovecot_user, [mail(number, size_bytes=1000) for number in range(1, 201)])
    with CuttingProxy(dovecot.plain_port, cut_after_bytes=100_000) as proxy:
        account = Account(dovecot, dovecot_user, port=proxy.port)
        with reading(account, model) as reader:
            reader.run()
    assert numbers(model) == list(range(1, 201))
    assert len(account.sessions) > 1
    assert set(account.bodies.values()) == {1}


def test_flags_and_deletes_arrive(account: Account, model: PipelineModel) -> None:
    account.server.deliver(account.user, mails(1, 5))
    with reading(account, model) as reader:
        reader.run()
        account.server.set_flags(account.user, [2], ("\\Seen", "$Forwarded"))
        account.server.expunge(account.user, [4])
        reader.batches.clear()
        reader.run()
        told = [(one.kind, one.place.uid) for batch in reader.batches for one in batch.envelopes]
        assert sorted(told) == [(Kind.CHANGED, 2), (Kind.DELETED, 4)]
        assert numbers(model) == [1, 2, 3, 5]
        labels = {row.place.uid: row.labels for row in model.living()}
        assert labels[2] == ("$Forwarded", "\\Seen")


def test_deletes_and_flags_are_found_by_comparing_alone(
    account: Account, model: PipelineModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a server that has neither CONDSTORE nor QRESYNC."""
    for name in ("has_condstore", "has_qresync"):
        monkeypatch.setattr(f"src.imap.session.Session.{name}", property(lambda _: False))
    account.server.deliver(account.user, mails(1, 5))
    with reading(account, model) as reader:
        reader.run()
        account.server.set_flags(account.user, [2], ("\\Seen",))
        account.server.expunge(account.user, [4])
        reader.run()
        assert numbers(model) == [1, 2, 3, 4, 5]
        reader.clock.advance(3600)
        reader.run()
        assert numbers(model) == [1, 2, 3, 5]
        assert {row.place.uid: row.labels for row in model.living()}[2] == ("\\Seen",)


def test_renumbered_mailbox_of_200_mails_fetches_no_body_again(account: Account, model: PipelineModel) -> None:
    account.server.deliver(account.user, mails(1, 200))
    with reading(account, model) as reader:
        reader.run()
        ids = set(model.rows)
        account.server.change_uidvalidity(account.user)
        account.server.deliver(account.user, mails(201, 203))
        reader.run()
        assert numbers(model) == list(range(1, 204))
        assert set(account.bodies.values()) == {1}
        assert ids < set(model.rows)
        assert len(model.rows) == 203
        account.server.set_flags(account.user, account.server.uids(account.user)[:1], ("\\Seen",))
        reader.run()
        assert [row.source_id in ids for row in model.living() if row.labels] == [True]


def test_mailbox_deleted_and_created_again(account: Account, model: PipelineModel) -> None:
    account.server.deliver(account.user, mails(1, 5), mailbox="Work")
    with reading(account, model, "Work") as reader:
        reader.run()
        account.server.delete_mailbox(account.user, "Work")
        with pytest.raises(MailboxMissingError):
            _step_until_told(reader)
        assert numbers(model, "Work") == [1, 2, 3, 4, 5]
        account.server.deliver(account.user, [mail(4), mail(9)], mailbox="Work")
        reader.run()
        assert numbers(model, "Work") == [4, 9]


def test_lost_cursor_fetches_only_what_is_missing(account: Account, model: PipelineModel) -> None:
    account.server.deliver(account.user, mails(1, 60))
    with reading(account, model) as reader:
        reader.run()
        reader.cursor = Cursor()
        account.server.deliver(account.user, mails(61, 62))
        reader.run()
    assert numbers(model) == list(range(1, 63))
    assert account.bodies.total() == 62


def test_server_restart_while_waiting_in_idle(own_dovecot: DovecotServer, model: PipelineModel) -> None:
    account = Account(own_dovecot, own_dovecot.new_user())
    own_dovecot.deliver(account.user, mails(1, 3))
    with reading(account, model) as reader:
        reader.run()
        waiting = threading.Thread(target=reader.source.wait, args=(30.0,))
        began = time.monotonic()
        waiting.start()
        own_dovecot.restart()
        waiting.join(20)
        assert time.monotonic() - began < 20
        own_dovecot.deliver(account.user, mails(4, 6))
        reader.run()
    assert numbers(model) == [1, 2, 3, 4, 5, 6]


def test_new_mail_ends_the_wait(account: Account, model: PipelineModel) -> None:
    account.server.deliver(account.user, mails(1, 3))
    with reading(account, model) as reader:
        reader.run()
        threading.Timer(0.2, lambda: account.server.deliver(account.user, mail(4))).start()
        began = time.monotonic()
        assert reader.source.wait(20.0)
        assert time.monotonic() - began < 10
        reader.run()
    assert numbers(model) == [1, 2, 3, 4]


def test_interrupt_ends_the_wait(account: Account, model: PipelineModel) -> None:
    with reading(account, model) as reader:
        account.server.deliver(account.user, mails(1, 1))
        reader.run()
        threading.Timer(0.1, reader.source.interrupt).start()
        began = time.monotonic()
        reader.source.wait(20.0)
        assert time.monotonic() - began < 5


def test_mail_of_30_mb_comes_in_slices(account: Account, model: PipelineModel) -> None:
    big = mail(2, size_bytes=30_000_000)
    account.server.deliver(account.user, [mail(1), big, mail(3)])
    with reading(account, model) as reader:
        reader.run()
    assert numbers(model) == [1, 2, 3]
    assert big in [row.raw for row in model.living()]
    assert account.bodies == {"1@example.org": 1, "3@example.org": 1}


def test_mail_above_the_limit_is_dead_unread(account: Account, model: PipelineModel) -> None:
    account.server.deliver(account.user, [mail(1), mail(2, size_bytes=500_000), mail(3)])
    reader = account.reader(model, limits=replace(LIMITS, spool_bytes=100_000, max_mail_bytes=400_000))
    with closing(reader.source):
        reader.run()
    assert numbers(model) == [1, 3]
    assert [code for _, code in model.dead.values()] == ["mail_too_large"]


def test_broken_mail_is_found_and_recorded_and_the_rest_comes(account: Account, model: PipelineModel) -> None:
    account.server.deliver(account.user, mails(1, 60))
    account.server.deliver_broken(account.user, mail(61))
    account.server.deliver(account.user, mails(62, 130))
    with reading(account, model) as reader:
        reader.run()
    assert numbers(model) == [*range(1, 61), *range(62, 131)]
    assert [code for _, code in model.dead.values()] == ["mail_unfetchable"]
    assert len(account.sessions) <= 8


def test_several_mailboxes_of_one_account(account: Account, model: PipelineModel) -> None:
    for position, mailbox in enumerate(("INBOX", "Arbeit/Überblick", "Sent & done")):
        account.server.deliver(account.user, mails(10 * position + 1, 10 * position + 3), mailbox=mailbox)
        with reading(account, model, mailbox) as reader:
            reader.run()
    assert numbers(model) == [1, 2, 3]
    assert numbers(model, "Arbeit/Überblick") == [11, 12, 13]
    assert numbers(model, "Sent & done") == [21, 22, 23]
    assert len({row.source_id for row in model.rows.values()}) == 9


def test_census_is_what_the_server_has(account: Account, model: PipelineModel) -> None:
    account.server.deliver(account.user, mails(1, 60))
    account.server.expunge(account.user, [7, 8])
    with reading(account, model) as reader:
        reader.run()
        assert {item.source_id for item in reader.source.census()} == {row.source_id for row in model.living()}


def _step_until_told(reader: Reader) -> None:
    for _ in range(5):
        reader.step()
