"""Whatever the stream answers while an account is read through the Gmail API, each mail is published, none twice."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.common.beats import Beats
from src.common.clock import SystemClock
from src.common.errors import RedisUnavailableError
from src.common.exit_codes import OK, UNAVAILABLE
from src.common.retry import RetryPolicy
from src.common.shutdown import Shutdown
from src.model.envelope import Kind
from src.producer import build as building
from src.producer import mailbox_loop
from src.producer.build import ProducerOptions, build
from src.producer.producer import exit_code
from src.sources.gmail.source import GmailSource
from src.sources.gmail.visit import Limits
from src.stream.protocol import PublishResult
from tests.fakes.gmail.mailbox import Mailbox
from tests.fakes.gmail.memory_api import MemoryApi
from tests.fakes.pipeline_model import PipelineModel
from tests.unit.producer.scripted_source import FaultyStream

ACCOUNT = "someone@example.org"
QUICK = RetryPolicy(max_attempts=20, initial_s=0.001, cap_s=0.002)
REFUSALS = st.sampled_from(
    [None, PublishResult.FENCED, RedisUnavailableError("away"), ("lost", RedisUnavailableError("the reply was lost"))]
)


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "POLICY", QUICK)
    monkeypatch.setattr(mailbox_loop, "NOTHING_YET_S", 0.0)


@given(faults=st.lists(REFUSALS, max_size=6), mails=st.integers(0, 12), page_size=st.sampled_from([3, 500]))
@settings(max_examples=30, deadline=None)
def test_what_was_read_ahead_and_dropped_is_read_again(faults: list[object], mails: int, page_size: int) -> None:
    mailbox, stream = Mailbox(ACCOUNT), FaultyStream(faults)
    for number in range(mails):
        mailbox.add(b"Subject: %d\r\n\r\n" % number)

    _read_to_its_end(mailbox, stream, page_size)

    assert _mails_on(stream) == sorted(mailbox.truth())


@given(faults=st.lists(REFUSALS, max_size=6), mails=st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_so_it_is_while_the_history_is_read(faults: list[object], mails: int) -> None:
    mailbox, stream = Mailbox(ACCOUNT), FaultyStream()
    _read_to_its_end(mailbox, stream, 500)
    for number in range(mails):
        mailbox.add(b"Subject: %d\r\n\r\n" % number)
    stream.faults = faults

    _read_to_its_end(mailbox, stream, 500)

    assert _mails_on(stream) == sorted(mailbox.truth())


def test_once_ends_when_no_mail_can_be_had_although_all_else_answers() -> None:
    mailbox, stream = Mailbox(ACCOUNT), FaultyStream()
    mailbox.add(b"Subject: 1\r\n\r\n")
    api = MemoryApi(mailbox)
    api.failing = set(mailbox.truth())
    assert _read(api, stream) == UNAVAILABLE
    api.failing = set()
    assert _read(api, stream) == OK
    assert _mails_on(stream) == sorted(mailbox.truth())


def _mails_on(stream: FaultyStream) -> list[str]:
    """Return the mails on the stream; what else is said of them may be said twice."""
    return sorted(ticket.source_id for ticket, _ in stream.tickets_of(ACCOUNT) if ticket.kind is Kind.ADDED)


def _read_to_its_end(mailbox: Mailbox, stream: FaultyStream, page_size: int) -> None:
    assert _read(MemoryApi(mailbox, page_size=page_size), stream) == OK


def _read(api: MemoryApi, stream: FaultyStream) -> int:
    """Run a producer with `--once`."""
    clock = SystemClock()
    source = GmailSource(
        account=ACCOUNT,
        api=api,
        known=PipelineModel(),
        tickets=stream,
        clock=clock,
        limits=Limits(batch_mails=2, second_look_s=0.0),
    )
    producer = build(
        [source],
        options=ProducerOptions(once=True),
        stream=stream,
        states=None,
        shutdown=Shutdown(),
        beats=Beats(clock),
        clock=clock,
    )
    producer.run()
    return exit_code(producer.board.reports())
