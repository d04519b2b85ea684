"""Slow mails beside the others: each holds back only itself, and none is lost, settled twice or settled too early."""

import itertools
import threading
import time
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from src.common.errors import SandboxUnavailableError
from src.common.instruments import BACKOFF_RETRIES, EMAILS_FAILED
from src.model.envelope import RawSlices
from src.model.extraction import Attachment, AttachmentPart
from src.model.ticket import Ticket
from src.worker.window import Window
from tests.contracts.stream_mails import outgoing, publish
from tests.fakes import no_sandbox
from tests.fixtures.services import wait_until
from tests.unit.worker.workbench import CONSUMER, Workbench

SLOW, QUICK = "slow.bin", "quick.txt"


class Gate:
    """Keeps attachments; those called `slow.bin` only when it is open, or with the error it was told."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.errors: list[Exception] = []
        self.calls = 0

    def now(self, part: AttachmentPart) -> Attachment | None:
        return None if part.filename == SLOW else no_sandbox.keep(part)

    def keep(self, part: AttachmentPart) -> Attachment:
        self.opened.wait(10)
        self.calls += 1
        if self.errors:
            raise self.errors.pop()
        return no_sandbox.keep(part)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opened.set()


@pytest.fixture
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is put off comes back at once."""
    monkeypatch.setattr("src.worker.comebacks.LONGEST_S", 0.0)


def work_until_all_came_back(bench: Workbench) -> None:
    deadline = time.monotonic() + 10
    while bench.window.mails or bench.stream.stats().retries or bench.stream.stats().waiting:
        assert time.monotonic() < deadline
        bench.stream.promote()
        bench.pipeline.work_once()
    bench.loading.close()


def mail_with(filename: str) -> bytes:
    disposition = f'Content-Disposition: attachment; filename="{filename}"'
    head = 'Subject: x\nContent-Type: multipart/mixed; boundary="b"\n\n'
    return f"{head}--b\n\ntext\n--b\n{disposition}\n\ncontent\n--b--\n".encode()


def source_id(uid: int) -> str:
    return f"INBOX/1/{uid}"


def bench_with(gate: Gate, window: Window | None = None, **options: int) -> Workbench:
    return Workbench(keep=gate.keep, now=gate.now, window=window, **options)


def test_quick_mails_are_settled_while_a_slow_one_is_under_way(gate: Gate) -> None:
    bench = bench_with(gate)
    quick = (outgoing(uid, raw=mail_with(QUICK)) for uid in range(2, 6))
    publish(bench.stream, outgoing(1, raw=mail_with(SLOW)), *quick)

    bench.pipeline.work_once()

    assert sorted(bench.table.stored) == [source_id(uid) for uid in range(2, 6)]
    assert [ticket.source_id for ticket in bench.hand.held()] == [source_id(1)]
    assert bench.stream.stats().pending == 1
    gate.opened.set()
    bench.work_until_idle()
    assert bench.table.stored[-1] == source_id(1)
    assert bench.stream.stats().waiting == 0
    assert bench.hand.held() == []


@pytest.mark.parametrize("batch_size", [1, 10])
def test_a_full_window_puts_slow_mails_off_and_holds_no_other_back(gate: Gate, no_wait: None, batch_size: int) -> None:
    bench = bench_with(gate, Window(1, most_mails=2), batch_size=batch_size, max_attempts=0)
    kinds = [SLOW] * 5 + [QUICK] * 3
    publish(bench.stream, *(outgoing(uid, raw=mail_with(kind)) for uid, kind in enumerate(kinds, 1)))

    for _ in range(len(kinds)):
        bench.pipeline.work_once()

    assert bench.table.stored == [source_id(uid) for uid in (6, 7, 8)]
    stats = bench.stream.stats()
    assert (bench.window.mails, stats.pending, stats.retries) == (2, 2, 3)
    gate.opened.set()
    work_until_all_came_back(bench)
    assert sorted(bench.table.stored) == [source_id(uid) for uid in range(1, 9)]
    assert bench.stream.list_dead() == [], "being put off uses up no try"


def test_a_big_mail_is_not_fetched_to_be_put_off(gate: Gate, no_wait: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.worker.pipeline.HARDLY_QUICK_BYTES", 10_000)
    bench = bench_with(gate, Window(1, most_mails=1), batch_size=1, max_attempts=0)
    big = mail_with(QUICK) + b"x" * 10_000
    publish(
        bench.stream, *(outgoing(uid, raw=raw) for uid, raw in enumerate([mail_with(SLOW), big, mail_with(QUICK)], 1))
    )
    loaded: list[str] = []
    load_raws = bench.stream.load_raws

    def note(tickets: Sequence[Ticket]) -> list[bytes | RawSlices | None]:
        loaded.extend(ticket.source_id for ticket in tickets)
        return load_raws(tickets)

    monkeypatch.setattr(bench.stream, "load_raws", note)

    for _ in range(3):
        bench.pipeline.work_once()

    assert loaded == [source_id(1), source_id(3)]
    assert bench.table.stored == [source_id(3)]
    gate.opened.set()
    work_until_all_came_back(bench)
    assert sorted(bench.table.stored) == [source_id(uid) for uid in (1, 2, 3)]
    assert bench.stream.list_dead() == []


def test_to_be_put_off_is_a_retry_and_no_failure(gate: Gate, no_wait: None) -> None:
    bench = bench_with(gate, Window(1, most_mails=1))
    publish(bench.stream, *(outgoing(uid, raw=mail_with(SLOW)) for uid in (1, 2)))
    failed, retried = (metric.labels("attachments_busy") for metric in (EMAILS_FAILED, BACKOFF_RETRIES))
    before = failed._value.get(), retried._value.get()

    bench.pipeline.work_once()

    assert (failed._value.get(), retried._value.get()) == (before[0], before[1] + 1)


def test_closing_interrupts_what_the_threads_wait_for_and_waits_for_them(gate: Gate) -> None:
    bench = bench_with(gate, Window(1, interrupt=gate.opened.set))
    publish(bench.stream, outgoing(1, raw=mail_with(SLOW)))
    bench.pipeline.work_once()
    bench.window.close(wait_s=5.0)
    assert gate.calls == 1
    assert bench.window.longest_s() == 0.0


def test_a_mail_that_is_worked_on_without_end_is_told(gate: Gate) -> None:
    bench = bench_with(gate, Window(1))
    assert bench.window.longest_s() == 0.0
    publish(bench.stream, outgoing(1, raw=mail_with(SLOW)))
    bench.pipeline.work_once()
    time.sleep(0.05)
    assert bench.window.longest_s() > 0.03


def test_a_stuck_suspect_does_not_look_like_movement(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.worker.pipeline.is_suspect", lambda _ticket: True)
    monkeypatch.setattr("src.worker.pipeline.LOOK_UP_S", 0.01)
    monkeypatch.setattr("src.worker.pipeline.SLOW_MAIL_S", 0.05)
    bench = bench_with(gate)
    publish(bench.stream, outgoing(1, raw=mail_with(SLOW)))
    moves = itertools.count()
    monkeypatch.setattr(bench.beats, "move", lambda _loop: next(moves))
    threading.Timer(0.5, gate.opened.set).start()
    bench.pipeline.work_once()
    assert next(moves) < 25  # of the 50 looks in this time; a slower machine only looks less often


def test_little_text_waits_for_the_database(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a main loop that waits, the threads stop at the bound; closing lets those go that wait with theirs."""
    monkeypatch.setattr("src.worker.window.MOST_CHARS", 2 * len("content"))
    bench = bench_with(gate, Window(1))
    publish(bench.stream, *(outgoing(uid, raw=mail_with(SLOW)) for uid in range(1, 9)))
    bench.pipeline.work_once()
    gate.opened.set()
    wait_until(lambda: gate.calls == 3, what="two finished, and one with its thread")
    time.sleep(0.05)
    assert gate.calls == 3
    assert len(bench.window.collect()) == 2
    wait_until(lambda: gate.calls == 5, what="room for two more")
    bench.window.close(wait_s=5.0)
    assert gate.calls == 5


def test_the_bytes_of_raw_mail_bound_it_as_well(gate: Gate) -> None:
    window = Window(1, most_bytes=1)
    bench = bench_with(gate, window)
    publish(bench.stream, outgoing(1, raw=mail_with(SLOW)))
    bench.pipeline.work_once()
    assert window.is_full


def test_a_failure_of_the_surroundings_is_tried_again(gate: Gate) -> None:
    bench = bench_with(gate, max_attempts=0)
    gate.errors = [SandboxUnavailableError("no memory")]
    gate.opened.set()
    publish(bench.stream, outgoing(1, raw=mail_with(SLOW)))

    for _ in range(3):
        bench.work_until_idle()
        time.sleep(0.03)  # longer than any wait for a retry here
        bench.stream.promote()

    assert bench.table.stored == [source_id(1)]
    assert bench.stream.list_dead() == []


def test_a_fault_of_ours_buries_that_mail_alone(gate: Gate) -> None:
    bench = bench_with(gate)
    gate.errors = [ValueError("what")]
    gate.opened.set()
    publish(bench.stream, outgoing(1, raw=mail_with(SLOW)), outgoing(2, raw=mail_with(SLOW)))

    bench.work_until_idle()

    assert len(bench.table.stored) == 1
    assert [letter.code for letter in bench.stream.list_dead()] == ["unexpected"]


def test_what_another_worker_took_over_is_not_stored(gate: Gate) -> None:
    bench = bench_with(gate)
    publish(bench.stream, outgoing(1, raw=mail_with(SLOW)))
    bench.pipeline.work_once()
    bench.hand.mark_lost(bench.hand.held())
    gate.opened.set()

    while bench.window.mails:
        bench.pipeline.work_once()

    assert bench.table.stored == []
    assert bench.hand.held() == []


def test_a_worker_that_ends_hands_slow_mails_back(gate: Gate) -> None:
    bench = bench_with(gate)
    publish(bench.stream, *(outgoing(uid, raw=mail_with(SLOW)) for uid in (1, 2, 3)))
    bench.pipeline.work_once()

    bench.stream.hand_back(CONSUMER, bench.hand.held())
    bench.window.close()

    taken = bench.stream.read_new("worker-2", 10, 1)
    assert sorted(ticket.source_id for ticket in taken) == [source_id(uid) for uid in (1, 2, 3)]
    gate.opened.set()
    for _ in range(100):
        if gate.calls:
            break
        time.sleep(0.01)
    assert gate.calls <= 2, "a mail that nobody had begun was worked on after the end"


def test_a_slow_suspect_is_waited_for_alone_and_the_loop_is_seen_to_move(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.worker.pipeline.is_suspect", lambda _ticket: True)
    monkeypatch.setattr("src.worker.pipeline.LOOK_UP_S", 0.01)
    bench = bench_with(gate)
    moves: list[str] = []
    monkeypatch.setattr(bench.beats, "move", moves.append)
    publish(bench.stream, outgoing(1, raw=mail_with(SLOW)))
    threading.Timer(0.2, gate.opened.set).start()

    bench.pipeline.work_once()

    assert bench.table.stored == [source_id(1)]
    assert len(moves) > 5


def test_a_suspect_is_begun_when_no_slow_mail_is_under_way(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a slow mail that might kill the worker, the suspect is not begun, so that it is not blamed for that."""
    monkeypatch.setattr("src.worker.pipeline.is_suspect", lambda ticket: ticket.source_id == source_id(2))
    bench = bench_with(gate, batch_size=1)
    publish(bench.stream, outgoing(1, raw=mail_with(SLOW)), outgoing(2, raw=mail_with(QUICK)))
    bench.pipeline.work_once()
    under_way: list[int] = []
    begin = bench.stream.begin

    def begin_and_look(consumer: str, ticket: Ticket) -> None:
        under_way.append(bench.window.mails)
        begin(consumer, ticket)

    monkeypatch.setattr(bench.stream, "begin", begin_and_look)
    threading.Timer(0.2, gate.opened.set).start()

    bench.pipeline.work_once()

    assert under_way == [0]
    assert bench.table.stored == [source_id(1), source_id(2)]


def test_a_stop_does_not_wait_for_a_slow_suspect(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.worker.pipeline.is_suspect", lambda _ticket: True)
    monkeypatch.setattr("src.worker.pipeline.LOOK_UP_S", 0.01)
    bench = bench_with(gate)
    publish(bench.stream, outgoing(1, raw=mail_with(SLOW)))
    threading.Timer(0.1, bench.shutdown.ask).start()

    bench.pipeline.work_once()

    assert bench.table.stored == []
    assert [ticket.source_id for ticket in bench.hand.held()] == [source_id(1)]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kinds=st.lists(st.sampled_from([SLOW, QUICK]), min_size=1, max_size=20), batch_size=st.integers(1, 8))
def test_any_mix_is_stored_once(no_wait: None, kinds: list[str], batch_size: int) -> None:
    gate = Gate()
    gate.opened.set()
    bench = bench_with(gate, Window(2, most_mails=3), batch_size=batch_size)
    publish(bench.stream, *(outgoing(uid, raw=mail_with(kind)) for uid, kind in enumerate(kinds, 1)))
    work_until_all_came_back(bench)
    assert sorted(bench.table.stored) == sorted(source_id(uid) for uid in range(1, len(kinds) + 1))
    assert bench.stream.stats().waiting == 0
    assert bench.hand.held() == []
