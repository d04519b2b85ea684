"""A mail that the API never gives holds up the others for an hour at most; a bad hour of the API's costs no mail."""

import pytest

from src.common.errors import GmailUnavailableError
from src.sources.gmail.stubborn import GIVEN_UP_AFTER_S
from tests.fakes.gmail.mailbox import Mailbox
from tests.unit.sources.gmail_reading import ACCOUNT, GmailReader


def _reader(mails: int) -> tuple[GmailReader, Mailbox]:
    mailbox = Mailbox(ACCOUNT)
    for number in range(mails):
        mailbox.add(b"Subject: %d\r\n\r\n" % number)
    return GmailReader(mailbox), mailbox


def _look(reader: GmailReader) -> None:
    """Read until the API fails."""
    with pytest.raises(GmailUnavailableError):
        _read_on(reader)
    reader.held = None
    reader.model.work()


def _read_on(reader: GmailReader) -> None:
    while not reader.step():
        pass


def test_its_neighbours_are_published_and_fetched_once_while_it_fails() -> None:
    reader, mailbox = _reader(3)  # a page
    failing = min(mailbox.truth())
    reader.api.failing = {failing}
    _look(reader)
    _look(reader)
    assert reader.stored().keys() == mailbox.truth().keys() - {failing}
    assert len(reader.api.fetched) == 2 + 2
    reader.api.failing = set()
    reader.run()
    assert reader.stored() == reader.truth()
    assert not reader.model.dead


def test_after_an_hour_it_is_dead_and_all_behind_it_is_read() -> None:
    reader, mailbox = _reader(9)
    failing = max(mailbox.truth())  # of the first page
    reader.api.failing = {failing}
    _look(reader)
    assert len(reader.stored()) == 2
    reader.clock.advance(GIVEN_UP_AFTER_S)
    reader.run()
    assert reader.stored().keys() == mailbox.truth().keys() - {failing}
    assert [(envelope.source_id, code) for envelope, code in reader.model.dead.values()] == [
        (failing, "mail_unfetchable")
    ]


def test_when_the_api_gives_no_mail_at_all_none_is_given_up() -> None:
    reader, mailbox = _reader(2)
    reader.run()
    for number in range(2):
        mailbox.add(b"Subject: new %d\r\n\r\n" % number)
    reader.api.failing = set(mailbox.truth())
    for _ in range(5):
        _look(reader)
        reader.clock.advance(GIVEN_UP_AFTER_S)
    reader.api.failing = set()
    reader.run()
    assert reader.stored() == reader.truth()
    assert not reader.model.dead
