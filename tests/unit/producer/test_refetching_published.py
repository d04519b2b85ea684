"""Whatever the stream answers while mails are brought once more, each of them is published."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.common.errors import LeaseLostError
from src.common.exit_codes import OK
from src.model.envelope import Envelope, Place
from src.producer import build as building
from src.producer.producer import exit_code
from src.sources.refetching import Refetching
from src.store.protocol import KnownMail
from src.stream.memory.stream import MemoryStream
from src.stream.protocol import PublishResult
from tests.unit.producer.scripted_source import ACCOUNT, MAILBOX, FaultyStream, ScriptedSource, mail, published_numbers
from tests.unit.producer.test_nothing_lost import FAULTS, QUICK, producer_of


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "POLICY", QUICK)


class GivingSource(ScriptedSource):
    """Plays RefetchSource."""

    def __init__(self, *, at_once: int) -> None:
        super().__init__(0)
        self.at_once = at_once

    def refetch(self, mails: Sequence[KnownMail]) -> Iterator[tuple[Envelope, ...]]:
        for start in range(0, len(mails), self.at_once):
            yield tuple(mail(int(known.source_id)) for known in mails[start : start + self.at_once])


def known(number: int) -> KnownMail:
    return KnownMail(str(number), Place(MAILBOX, 1, number), (), False, True, "", 1, None, "", 100 + number)


@settings(max_examples=60, deadline=None)
@given(faults=st.lists(FAULTS, max_size=6), count=st.integers(0, 10), at_once=st.integers(1, 4))
def test_any_answers_of_the_stream_leave_no_mail_out(faults: list[object], count: int, at_once: int) -> None:
    stream = FaultyStream(faults)
    again = Refetching(GivingSource(at_once=at_once), [known(number) for number in range(1, count + 1)])
    producer = producer_of(stream, again)
    producer.run()

    assert published_numbers(stream) == set(range(1, count + 1))
    assert (exit_code(producer.board.reports()), again.missing) == (OK, set())
    assert stream.load_cursor(ACCOUNT, again.mailbox).values == {}, "nothing is left behind of it"


def test_a_killed_run_leaves_nothing_that_keeps_a_later_one_from_beginning_anew() -> None:
    mails = [known(number) for number in range(1, 9)]
    stream = FaultyStream([None, *[PublishResult.FENCED] * 20])
    killed = producer_of(stream, Refetching(GivingSource(at_once=3), mails))
    killed.run()
    assert published_numbers(stream) == {1, 2, 3}, "or this test shows nothing"
    assert killed.board.reports()[0].error_code == LeaseLostError.code

    stream.faults.clear()
    producer_of(stream, Refetching(GivingSource(at_once=2), mails)).run()
    assert published_numbers(stream) == set(range(1, 9))


def test_two_at_once_publish_no_mail_twice() -> None:
    stream = MemoryStream()
    mails = [known(number) for number in range(1, 9)]
    for _ in range(2):
        producer_of(stream, Refetching(GivingSource(at_once=3), mails)).run()
    assert stream.stats().waiting == len(mails)
