"""Services that go away and come back: the same worker process goes on, and no mail's tries are used up."""

import sqlite3
import threading
from collections.abc import Callable

import pytest

from scripts.torturing.mortal_redis import MortalRedis
from tests.fixtures.postgres import PostgresServer
from tests.integration.worker.workplace import Workplace, make_mail

pytestmark = pytest.mark.redis

MAILS = [make_mail(number) for number in range(10)]


def test_redis_restarts_while_a_worker_waits_for_mail(workplace: Workplace) -> None:
    worker = workplace.start_worker(BLOCK_TIMEOUT_MS="2000")
    first = workplace.publish(MAILS)
    workplace.wait_for(settled=10)
    workplace.redis.kill()
    workplace.wait_for_log("service_away")
    workplace.redis.start()
    second = workplace.publish(MAILS)
    workplace.wait_for(settled=20)
    assert worker.poll() is None
    workplace.check_all_settled([*first, *second], MAILS * 2)


def test_redis_forgets_everything_while_a_worker_runs(workplace: Workplace) -> None:
    worker = workplace.start_worker()
    first = workplace.publish(MAILS)
    workplace.wait_for(settled=10)
    workplace.forget_everything()
    second = workplace.publish(MAILS)
    workplace.wait_for(settled=10)
    assert worker.poll() is None
    assert set(workplace.stored()) == {*first, *second}


def test_sqlite_locked_for_long_and_free_again(workplace: Workplace) -> None:
    first = workplace.publish(MAILS)
    assert workplace.drain() == 0
    blocker = sqlite3.connect(workplace.database_url.removeprefix("sqlite:///"), isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    second = workplace.publish(MAILS)
    worker = workplace.start_worker(BUSY_TIMEOUT_S="0.2")
    workplace.wait_for_log("service_away")
    assert workplace.logged("service_away")[0]["code"] == "database_unavailable"
    blocker.execute("ROLLBACK")
    blocker.close()
    workplace.wait_for(settled=20)
    assert worker.poll() is None
    workplace.check_all_settled([*first, *second], MAILS * 2)
    assert workplace.stats().counters.get("retried", 0) == 0


@pytest.mark.postgres
def test_postgres_gone_and_back(
    redis7: MortalRedis, own_postgres: PostgresServer, open_workplace: Callable[[MortalRedis, str], Workplace]
) -> None:
    workplace = open_workplace(redis7, own_postgres.new_database())
    worker = workplace.start_worker()
    first = workplace.publish(MAILS)
    workplace.wait_for(settled=10)
    own_postgres.stop()
    second = workplace.publish(MAILS)
    workplace.wait_for_log("service_away")
    own_postgres.start()
    workplace.wait_for(settled=20)
    assert worker.poll() is None
    workplace.check_all_settled([*first, *second], MAILS * 2)
    assert workplace.stats().counters.get("retried", 0) == 0


def test_leases_are_kept_while_the_database_is_away(workplace: Workplace) -> None:
    assert workplace.drain() == 0  # makes the database
    blocker = sqlite3.connect(workplace.database_url.removeprefix("sqlite:///"), isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    ids = workplace.publish(MAILS)
    workplace.start_worker(BUSY_TIMEOUT_S="0.2", LEASE_SECONDS="1")
    workplace.wait_for_log("service_away")
    workplace.start_worker(BUSY_TIMEOUT_S="0.2", LEASE_SECONDS="1")
    threading.Event().wait(2.5)  # more than two leases
    assert workplace.stats().counters.get("reclaimed", 0) == 0
    assert workplace.logged("tickets_reclaimed") == []
    blocker.execute("ROLLBACK")
    blocker.close()
    workplace.wait_for(settled=10)
    workplace.check_all_settled(ids, MAILS)


def test_redis_out_of_memory_is_drained(workplace: Workplace) -> None:
    mails = [make_mail(number, "raise" if number % 10 == 0 else "") for number in range(40)]
    ids = workplace.publish(mails)
    workplace.limit_memory(of_used=0.9)
    assert workplace.drain(DLQ_MAX_RETRY_ATTEMPTS="0") == 1
    workplace.limit_memory(of_used=0.0)
    workplace.check_all_settled(ids, mails, dead=ids[::10])
