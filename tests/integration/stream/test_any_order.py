"""Any interleaving of the scripts conserves mails, and leaves no key behind once all is settled or purged."""

import time
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from src.model.envelope import Kind
from src.model.ticket import Ticket
from src.stream.options import StreamOptions
from src.stream.redis_stream import RedisStream
from tests.contracts.stream_contract import assert_conserved
from tests.contracts.stream_mails import ACCOUNT, MAILBOX, outgoing, publish
from tests.fixtures.redis_servers import RedisServer, connection_to

pytestmark = pytest.mark.redis
CONSUMERS = ("worker-a", "worker-b", "worker-c")
# What stays: memory of ids (bounded in time), counters, the cursor, the empty streams with their group, the notes.
KEPT = ("known", "counters", "clock", "dead_codes", "lives", "begun", "producer_state", "cursor_names", "lease")
consumers = st.sampled_from(CONSUMERS)
uids = st.integers(1, 12)


class StreamMachine(RuleBasedStateMachine):
    """Producers, workers and an operator doing things in any order."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.connection = connection_to(self.url)
        self.redis: Any = self.connection.commands  # redis-py types answers for both protocols at once
        self.redis.flushall()
        options = StreamOptions(max_entries=10, lease_s=0.002, spool_bytes=1000, max_crashes=2)
        self.stream = RedisStream(self.connection, options)
        self.stream.ensure_group()
        self.held: dict[str, list[Ticket]] = {name: [] for name in CONSUMERS}
        self.came: set[str] = set()

    def teardown(self) -> None:
        self.drain()
        self.connection.close()

    @rule(items=st.lists(st.tuples(uids, st.sampled_from(Kind), st.booleans()), min_size=1, max_size=4))
    def publish(self, items: list[tuple[int, Kind, bool]]) -> None:
        batch = [outgoing(uid, kind, force=force, size_bytes=600 * uid) for uid, kind, force in items]
        publish(self.stream, *batch)

    @rule(uid=uids)
    def give_up_at_the_source(self, uid: int) -> None:
        publish(self.stream, outgoing(uid, dead_code="mail_too_large"))

    @rule(consumer=consumers, count=st.integers(1, 5))
    def read(self, consumer: str, count: int) -> None:
        self.held[consumer] += self.stream.read_new(consumer, count, 0)

    @rule(consumer=consumers)
    def read_again(self, consumer: str) -> None:
        self.held[consumer] = self.stream.read_own_pending(consumer, 100)

    @rule(consumer=consumers)
    def settle(self, consumer: str) -> None:
        tickets = self.held[consumer]
        self.stream.settle(consumer, tickets, [b"note"] * len(tickets))

    @rule(consumer=consumers, delay_s=st.sampled_from((0.0, 0.001, 60.0)))
    def retry(self, consumer: str, delay_s: float) -> None:
        for ticket in self.held[consumer][:2]:
            self.stream.retry(consumer, ticket, delay_s=delay_s, code="unexpected", error="")

    @rule(consumer=consumers)
    def bury(self, consumer: str) -> None:
        for ticket in self.held[consumer][-2:]:
            self.stream.bury(consumer, ticket, code="mail_unparsable", error="")

    @rule(consumer=consumers)
    def hand_back(self, consumer: str) -> None:
        self.stream.hand_back(consumer, self.held[consumer])

    @rule(consumer=consumers)
    def begin(self, consumer: str) -> None:
        for ticket in self.held[consumer][:1]:
            self.stream.begin(consumer, ticket)

    @rule(consumer=consumers)
    def renew(self, consumer: str) -> None:
        self.stream.renew(consumer, self.held[consumer])

    @rule()
    def promote(self) -> None:
        self.stream.promote()

    @rule(consumer=consumers)
    def reclaim(self, consumer: str) -> None:
        time.sleep(0.004)
        self.held[consumer] += self.stream.reclaim(consumer, 5)

    @rule(consumer=consumers)
    def leave(self, consumer: str) -> None:
        self.stream.leave(consumer)

    @rule(skip=st.integers(0, 3), twice=st.booleans())
    def replay(self, skip: int, twice: bool) -> None:
        entry_ids = [letter.entry_id for letter in self.stream.list_dead()][skip : skip + 2]
        self.stream.replay(entry_ids)
        if twice:
            assert self.stream.replay([it for it in entry_ids if self.stream.get_dead(it) is None]) == 0

    @rule(skip=st.integers(0, 3))
    def purge(self, skip: int) -> None:
        self.stream.purge([letter.entry_id for letter in self.stream.list_dead()][skip : skip + 1])

    @invariant()
    def conserved(self) -> None:
        stats = self.stream.stats()
        assert_conserved(stats)
        count = stats.counters
        assert not {"lost", "dead_lost", "stale", "foreign", "deleted_pending"} & {n for n in count if count[n]}
        told = [ticket.envelope_id for ticket, _place in self.stream.tickets_of(ACCOUNT, MAILBOX)]
        assert len(told) == len(set(told)) == stats.waiting + stats.retries + stats.dead, "each is in one place"
        ledger = self.redis.hgetall("email_ingestion_stream:ledger")
        assert {name.decode() for name in ledger} == set(told)

    @invariant()
    def bytes_add_up(self) -> None:
        stats = self.stream.stats()
        ledger = self.redis.hgetall("email_ingestion_stream:ledger").values()
        sizes = {b"live": 0, b"retry": 0, b"dead": 0}
        for told in ledger:
            place, _reference, size = told.split()
            sizes[place] += int(size)
        assert stats.raw_bytes == sizes[b"live"] + sizes[b"retry"]
        assert stats.counters.get("dead_bytes", 0) == sizes[b"dead"]

    def drain(self) -> None:
        """Let one worker finish everything, purge the dead, and look at what is left."""
        time.sleep(0.004)
        now = {"email_ingestion_stream:retry": 0}
        for key in now:
            for name in self.redis.zrange(key, 0, -1):
                self.redis.zadd(key, {name: 0})
        self.stream.promote()
        while self.stream.stats().waiting:
            time.sleep(0.004)
            tickets = self.stream.read_own_pending("z", 100) or self.stream.read_new("z", 100, 0)
            self.stream.settle("z", tickets or self.stream.reclaim("z", 100), [])
        self.stream.purge([letter.entry_id for letter in self.stream.list_dead()])
        self.conserved()
        streams = {"email_ingestion_stream", "email_ingestion_dlq", "email_processed_stream"}
        left = {key.decode() for key in self.redis.keys("*") if self.redis.ttl(key) == -1} - streams
        assert [key for key in left if not any(part in key for part in KEPT)] == []


@pytest.mark.parametrize("examples", [15])
def test_any_order_conserves_mails(redis_server: RedisServer, examples: int) -> None:
    class Machine(StreamMachine):
        url = redis_server.url

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],  # shrinking against a real server takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
