"""Whatever the stream answers, every mail is published once, and the cursor never passes one that is not."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.common.beats import Beats
from src.common.clock import SystemClock
from src.common.errors import (
    LeaseLostError,
    LoginRefusedError,
    RedisOutOfMemoryError,
    RedisUnavailableError,
    SourceUnavailableError,
    StagedExpiredError,
)
from src.common.exit_codes import INCOMPLETE, INTERNAL, OK, OPERATOR_NEEDED, UNAVAILABLE
from src.common.retry import RetryPolicy
from src.common.shutdown import Shutdown
from src.producer import build as building
from src.producer.board import State
from src.producer.build import ProducerOptions, build
from src.producer.patience import Patience
from src.producer.producer import Producer, exit_code
from src.sources.source import Source
from src.stream.memory.stream import MemoryStream
from src.stream.options import StreamOptions
from src.stream.protocol import PublishResult
from tests.fixtures.logs import CapturedLogs
from tests.unit.producer.scripted_source import ACCOUNT, MAILBOX, FaultyStream, ScriptedSource, published_numbers

QUICK = RetryPolicy(max_attempts=8, initial_s=0.001, cap_s=0.002)
FAULTS = st.sampled_from(
    [
        None,
        PublishResult.FULL,
        PublishResult.FENCED,
        PublishResult.CURSOR_MOVED,
        RedisUnavailableError("away"),
        RedisOutOfMemoryError("full"),
        StagedExpiredError("gone"),
        ("lost", RedisUnavailableError("the reply was lost")),
    ]
)


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "POLICY", QUICK)


def producer_of(
    stream: MemoryStream, *sources: Source, shutdown: Shutdown | None = None, most_entries: int = 10_000
) -> Producer:
    clock = SystemClock()
    return build(
        sources,
        options=ProducerOptions(once=True, lease_s=60.0, most_entries=most_entries),
        stream=stream,
        states=None,
        shutdown=shutdown or Shutdown(),
        beats=Beats(clock),
        clock=clock,
    )


@settings(max_examples=60, deadline=None)
@given(faults=st.lists(FAULTS, max_size=6), count=st.integers(0, 10), batch_mails=st.integers(1, 4))
def test_any_answers_of_the_stream_lose_nothing(faults: list[object], count: int, batch_mails: int) -> None:
    stream = FaultyStream(faults)
    source = ScriptedSource(count, batch_mails=batch_mails)
    producer = producer_of(stream, source)
    producer.run()
    assert published_numbers(stream) == set(range(1, count + 1))
    assert stream.stats().waiting == count
    assert stream.load_cursor(ACCOUNT, MAILBOX).get_int("last_uid") == count
    assert not stream.has_passed_a_gap
    assert exit_code(producer.board.reports()) == OK
    assert source.is_closed


def test_a_lost_reply_is_not_fetched_again() -> None:
    stream = FaultyStream([("lost", RedisUnavailableError("the reply was lost"))])
    source = ScriptedSource(6, batch_mails=3)
    producer_of(stream, source).run()
    assert source.fetched == [0, 3]
    assert stream.stats().counters.get("repeated", 0) == 0


def test_a_source_is_used_from_one_thread() -> None:
    source = ScriptedSource(9, errors=[SourceUnavailableError("cut")])
    producer_of(FaultyStream([PublishResult.FENCED]), source).run()
    assert len(source.threads) == 1


def test_an_operator_who_moves_the_cursor_is_obeyed() -> None:
    stream = MemoryStream()
    producer_of(stream, ScriptedSource(5)).run()
    lease = stream.acquire_lease(ACCOUNT, MAILBOX, "operator")
    assert lease is not None
    before = stream.load_cursor(ACCOUNT, MAILBOX)
    stream.publish(lease, [], before=before, after=before.moved(last_uid=2))
    stream.release_lease(lease)
    source = ScriptedSource(5)
    producer_of(stream, source).run()
    assert source.fetched[0] == 2
    assert stream.stats().waiting == 5


@pytest.mark.parametrize("most_entries", [4, 10_000])  # told of the cap, and finding out
def test_a_batch_larger_than_the_room_goes_in_parts(most_entries: int) -> None:
    stream = MemoryStream(StreamOptions(max_entries=4))
    shutdown = Shutdown()
    producer = producer_of(stream, ScriptedSource(10, batch_mails=10), shutdown=shutdown, most_entries=most_entries)
    consumer = Settling(stream, shutdown)
    consumer.run_beside(producer)
    assert consumer.settled == {str(number) for number in range(1, 11)}
    assert stream.stats().waiting == 0


def test_a_full_stream_is_told_when_it_begins_and_when_it_ends_not_once_a_batch(logs: CapturedLogs) -> None:
    full = PublishResult.FULL
    stream = FaultyStream([full, None, full, full, None, None, full, None])  # batches 1, 2 and 4 have to wait
    producer_of(stream, ScriptedSource(60, batch_mails=3)).run()
    told = [event for event in logs.events if event["event"].startswith("stream_")]
    assert [event["event"] for event in told] == ["stream_full", "stream_has_room"]
    assert told[1]["waited_s"] == pytest.approx(0.05, abs=0.1)


class Settling:
    """A worker that takes and settles one mail at a time, checking the cap."""

    def __init__(self, stream: MemoryStream, shutdown: Shutdown) -> None:
        self.settled: set[str] = set()
        self._stream = stream
        self._shutdown = shutdown

    def run_beside(self, producer: Producer) -> None:
        thread = threading.Thread(target=producer.run)
        thread.start()
        while thread.is_alive() or self._stream.stats().waiting:
            for ticket in self._stream.read_new("worker", 1, 10):
                self._stream.settle("worker", [ticket], [b"{}"])
                self.settled.add(ticket.source_id)
        thread.join()


@pytest.mark.parametrize(
    ("errors", "code", "state"),
    [
        ([], OK, State.CAUGHT_UP),
        ([SourceUnavailableError("cut")] * 3, OK, State.CAUGHT_UP),  # tried again
        ([SourceUnavailableError("cut")] * 50, UNAVAILABLE, State.BACKING_OFF),
        ([LoginRefusedError("wrong password")], OPERATOR_NEEDED, State.BLOCKED),
        ([ValueError("a fault of ours")] * 50, INCOMPLETE, State.BACKING_OFF),
    ],
)
def test_once_ends_with_what_was_left_behind(errors: list[Exception], code: int, state: State) -> None:
    producer = producer_of(MemoryStream(), ScriptedSource(5, errors=errors))
    producer.run()
    (report,) = producer.board.reports()
    assert (exit_code([report]), report.state) == (code, state)
    assert (report.error_code == "") == (code == OK)


def test_one_mailbox_that_fails_does_not_stop_the_others() -> None:
    stream = MemoryStream()
    broken = ScriptedSource(5, errors=[LoginRefusedError("no")] * 9, mailbox="Broken")
    producer = producer_of(stream, broken, ScriptedSource(5))
    producer.run()
    assert published_numbers(stream) == {1, 2, 3, 4, 5}
    assert [report.state for report in producer.board.reports()] == [State.BLOCKED, State.CAUGHT_UP]


def test_a_loop_that_breaks_ends_the_producer_for_a_new_start(
    logs: CapturedLogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_patience: Patience) -> float:
        raise ZeroDivisionError("text of a mail")

    monkeypatch.setattr(Patience, "after_failure_s", breaks)  # where the loop meets its errors
    logs.expect_errors()
    clock, shutdown, stream = SystemClock(), Shutdown(), MemoryStream()
    producer = build(
        [ScriptedSource(5, errors=[SourceUnavailableError("cut")], mailbox="Broken"), ScriptedSource(5)],
        options=ProducerOptions(poll_interval_s=60.0),
        stream=stream,
        states=None,
        shutdown=shutdown,
        beats=Beats(clock),
        clock=clock,
    )
    producer.run()
    broken, other = producer.board.reports()
    assert (broken.state, broken.error_code, other.error_code) == (State.BROKEN, "unexpected", "")
    assert exit_code(producer.board.reports()) == INTERNAL
    (event,) = logs.named("mailbox_loop_ended")
    assert event["level"] == "error"
    assert "ZeroDivisionError in breaks" in event["error"]
    assert "mail" not in event["error"]
    assert stream.acquire_lease(ACCOUNT, MAILBOX, "another") is not None, "the others ended in order"


def test_a_mailbox_that_another_producer_reads_is_left_to_it() -> None:
    stream = MemoryStream(StreamOptions(lease_s=60.0))
    assert stream.acquire_lease(ACCOUNT, MAILBOX, "another") is not None
    clock = SystemClock()
    producer = build(
        [ScriptedSource(5)],
        options=ProducerOptions(once=True, lease_s=0.03),
        stream=stream,
        states=None,
        shutdown=Shutdown(),
        beats=Beats(clock),
        clock=clock,
    )
    producer.run()
    (report,) = producer.board.reports()
    assert (report.state, report.error_code) == (State.STANDBY, LeaseLostError.code)
    assert exit_code([report]) == INCOMPLETE
    assert stream.stats().waiting == 0


def test_a_stop_ends_the_loops_and_gives_the_leases_back() -> None:
    shutdown = Shutdown()
    stream = MemoryStream()
    shutdown.ask()
    producer = producer_of(stream, ScriptedSource(5), shutdown=shutdown)
    producer.run()
    (report,) = producer.board.reports()
    assert report.state is State.STOPPED
    assert stream.acquire_lease(ACCOUNT, MAILBOX, "another") is not None
