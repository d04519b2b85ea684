"""The pipeline on a stream and a table in memory: what fails harms only itself, and nothing is settled too early."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from src.common.errors import (
    DatabaseSchemaError,
    DatabaseUnavailableError,
    RedisOutOfMemoryError,
    RedisUnavailableError,
    TempSpaceError,
)
from src.model.envelope import Kind, RawSlices
from src.model.message import Record
from src.model.ticket import Ticket
from src.worker.prepare import Prepare, Unfinished
from tests.contracts.stream_mails import outgoing, publish
from tests.fixtures.logs import CapturedLogs
from tests.unit.worker.workbench import CONSUMER, Workbench


def _source_id(uid: int) -> str:
    return f"INBOX/1/{uid}"


@settings(max_examples=40, deadline=None)
@given(mails=st.integers(1, 40), guilty=st.sets(st.integers(1, 40)), batch_size=st.integers(1, 50))
def test_exactly_the_guilty_mails_die_and_the_others_are_stored_once(
    mails: int, guilty: set[int], batch_size: int
) -> None:
    bench = Workbench(batch_size=batch_size)
    publish(bench.stream, *(outgoing(uid) for uid in range(1, mails + 1)))
    bench.table.refuses = {_source_id(uid) for uid in guilty}
    bench.work_until_idle()
    expected_dead = guilty & set(range(1, mails + 1))
    assert sorted(bench.table.stored) == sorted(_source_id(uid) for uid in set(range(1, mails + 1)) - guilty)
    dead = bench.stream.list_dead()
    assert {letter.ticket.source_id for letter in dead if letter.ticket} == {_source_id(uid) for uid in expected_dead}
    assert {letter.code for letter in dead} <= {"database_refused"}
    assert bench.stream.stats().waiting == 0
    assert bench.hand.held() == []


def test_a_database_that_is_away_uses_up_no_tries() -> None:
    bench = Workbench()
    publish(bench.stream, *(outgoing(uid) for uid in range(1, 6)))
    bench.table.fails = [DatabaseUnavailableError("locked")] * 3
    bench.work_until_idle()
    assert len(bench.table.stored) == 5
    assert bench.stream.stats().counters.get("retried", 0) == 0
    assert bench.stream.stats().counters["settled"] == 5
    assert bench.beats.troubles() == {}


def test_a_full_disk_uses_up_no_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Workbench(max_attempts=1)
    publish(bench.stream, outgoing(1))
    errors = [TempSpaceError("full"), TempSpaceError("full"), ValueError("what")]
    prepare = Prepare.begin

    def failing(self: Prepare, ticket: Ticket, raw: bytes | RawSlices | None) -> Record | Unfinished:
        if errors:
            raise errors.pop(0)
        return prepare(self, ticket, raw)

    monkeypatch.setattr(Prepare, "begin", failing)
    for _ in range(4):
        bench.work_until_idle()
        time.sleep(0.03)  # longer than any wait for a retry here
        bench.stream.promote()
    assert bench.table.stored == [_source_id(1)], "one unknown error after two of the disk is not the last try"
    assert bench.stream.stats().counters["retried"] == 3


def test_nothing_is_settled_while_the_database_is_away_at_the_end_of_the_grace() -> None:
    bench = Workbench()
    publish(bench.stream, outgoing(1))
    bench.table.fails = [DatabaseUnavailableError("gone")] * 1000
    tickets = bench.intake.next_tickets()
    bench.shutdown.ask()
    with pytest.raises(DatabaseUnavailableError):
        bench.pipeline._work_on(tickets)
    bench.loading.close()
    assert bench.stream.stats().waiting == 1
    assert len(bench.hand.held()) == 1  # to be handed back
    assert bench.beats.troubles() == {"commit": "database_unavailable"}


def test_a_foreign_schema_stops_the_worker_instead_of_turning_mails_away() -> None:
    bench = Workbench()
    publish(bench.stream, outgoing(1))
    bench.table.fails = [DatabaseSchemaError("expected 0002")]
    with pytest.raises(DatabaseSchemaError):
        bench.work_until_idle()
    bench.loading.close()
    assert bench.stream.stats().dead == 0
    assert bench.stream.stats().waiting == 1


@pytest.mark.parametrize("move", ["read_new", "load_raws", "settle", "read_own_pending"])
def test_a_lost_reply_has_one_effect(move: str) -> None:
    bench = Workbench()
    publish(bench.stream, *(outgoing(uid) for uid in range(1, 4)))
    bench.stream.fails_after[move] = [RedisUnavailableError("cut")]
    bench.work_until_idle()
    assert sorted(set(bench.table.stored)) == [_source_id(uid) for uid in (1, 2, 3)]
    stats = bench.stream.stats()
    assert (stats.waiting, stats.counters["settled"]) == (0, 3)


def test_a_move_for_which_redis_has_no_memory_waits_while_others_are_settled() -> None:
    bench = Workbench()
    publish(bench.stream, *(outgoing(uid) for uid in range(1, 4)))
    bench.table.refuses = {_source_id(2)}
    bench.stream.fails_before["bury"] = [RedisOutOfMemoryError("full")] * 2
    bench.pipeline.work_once()
    assert bench.stream.stats().counters["settled"] == 2
    assert [ticket.source_id for ticket in bench.hand.held()] == [_source_id(2)]  # and its lease is renewed
    bench.pipeline.work_once()
    assert bench.stream.stats().dead == 0
    bench.work_until_idle()
    assert bench.stream.stats().dead == 1
    assert bench.hand.held() == []


def test_a_ticket_that_another_worker_took_over_is_neither_stored_nor_settled() -> None:
    bench = Workbench()
    publish(bench.stream, outgoing(1), outgoing(2))
    tickets = bench.intake.next_tickets()
    bench.hand.mark_lost(tickets[:1])
    bench.pipeline._work_on(tickets)
    bench.loading.close()
    assert bench.table.stored == [_source_id(2)]
    assert bench.stream.stats().waiting == 1
    assert bench.hand.held() == []


def test_mails_that_were_settled_while_this_worker_stood_still_are_no_failures(logs: CapturedLogs) -> None:
    bench = Workbench()
    publish(bench.stream, *(outgoing(uid) for uid in range(1, 5)))
    tickets = bench.intake.next_tickets()
    before = failed_with("raw_missing")
    bench.stream.settle(CONSUMER, tickets[:3], [])  # as the worker does that took them over
    bench.pipeline._work_on(tickets)
    bench.loading.close()
    assert bench.table.stored == [_source_id(4)]
    assert bench.stream.stats().dead == 0
    assert bench.hand.held() == []
    assert [(line["event"], line["level"], line["count"]) for line in logs.events] == [
        ("settled_by_another", "info", 3)
    ]
    assert failed_with("raw_missing") == before


def test_a_raw_mail_that_is_gone_from_a_ticket_of_ours_is_a_failure(logs: CapturedLogs) -> None:
    bench = Workbench()
    publish(bench.stream, outgoing(1), outgoing(2))
    tickets = bench.intake.next_tickets()
    before = failed_with("raw_missing")
    bench.stream._ids[tickets[0].envelope_id].raw = None  # deleted by hand
    bench.pipeline._work_on(tickets)
    bench.loading.close()
    assert bench.table.stored == [_source_id(2)]
    (dead,) = logs.events
    assert (dead["event"], dead["level"], dead["code"]) == ("mail_dead", "warning", "raw_missing")
    assert failed_with("raw_missing") == before + 1


def failed_with(code: str) -> float:
    return REGISTRY.get_sample_value("email_ingestion_emails_failed_total", {"code": code}) or 0.0


def test_changes_and_deletions_need_no_raw_mail() -> None:
    bench = Workbench()
    publish(bench.stream, outgoing(1, Kind.CHANGED, version=5), outgoing(2, Kind.DELETED, version=6))
    bench.work_until_idle()
    assert bench.table.stored == [_source_id(1), _source_id(2)]


def test_what_an_earlier_process_of_this_name_left_comes_before_new_mail() -> None:
    bench = Workbench(batch_size=2)
    publish(bench.stream, *(outgoing(uid) for uid in range(1, 5)))
    left = bench.stream.read_new(CONSUMER, 2, 1)
    assert [ticket.entry_id for ticket in bench.intake.next_tickets()] == [ticket.entry_id for ticket in left]
    bench.loading.close()
