"""kill -9 of a worker at the worst moments: nothing is lost, nothing is stored twice, and no key is left."""

import signal
from collections.abc import Callable

import pytest

from scripts.torturing.mortal_redis import MortalRedis
from tests.fixtures.services import wait_until
from tests.integration.worker.workplace import Workplace, make_mail

pytestmark = pytest.mark.redis

OpenWorkplace = Callable[[MortalRedis, str], Workplace]
MAILS = [make_mail(number) for number in range(30)]


@pytest.mark.parametrize("step", ["read", "parsed", "stored"])
def test_killed_worker_loses_nothing(any_redis: MortalRedis, open_workplace: OpenWorkplace, step: str) -> None:
    workplace = open_workplace(any_redis, "")
    ids = workplace.publish(MAILS)
    assert workplace.end(workplace.start_worker(DIE_AT=step)) == -signal.SIGKILL
    assert workplace.drain() == 0
    workplace.check_all_settled(ids, MAILS)


@pytest.mark.postgres
def test_killed_worker_loses_nothing_on_postgres(
    redis7: MortalRedis, postgres_url: str, open_workplace: OpenWorkplace
) -> None:
    workplace = open_workplace(redis7, postgres_url)
    ids = workplace.publish(MAILS)
    assert workplace.end(workplace.start_worker(DIE_AT="stored")) == -signal.SIGKILL
    assert workplace.drain() == 0
    workplace.check_all_settled(ids, MAILS)


def test_killed_while_holding_the_reclaim_lease(workplace: Workplace) -> None:
    ids = workplace.publish(MAILS)
    assert workplace.end(workplace.start_worker(DIE_AT="read")) == -signal.SIGKILL
    assert workplace.end(workplace.start_worker(DIE_AT="reclaimed")) == -signal.SIGKILL
    assert workplace.drain() == 0
    workplace.check_all_settled(ids, MAILS)


def test_a_restart_under_the_same_name_need_not_wait_for_the_lease(workplace: Workplace) -> None:
    ids = workplace.publish(MAILS)
    same = {"CONSUMER_NAME": "worker-1", "LEASE_SECONDS": "3600"}
    assert workplace.end(workplace.start_worker(DIE_AT="parsed", **same)) == -signal.SIGKILL
    assert workplace.drain(**same) == 0
    workplace.check_all_settled(ids, MAILS)


def test_a_worker_stalled_past_its_lease_is_fenced(workplace: Workplace) -> None:
    mails = [make_mail(number, "slow") for number in range(60)]
    ids = workplace.publish(mails)
    stalled = workplace.start_worker(LEASE_SECONDS="1")
    wait_until(lambda: workplace.stats().pending == 60, what="the first worker holds all")
    stalled.send_signal(signal.SIGSTOP)
    assert workplace.drain(LEASE_SECONDS="1") == 0
    workplace.check_all_settled(ids, mails)
    stalled.send_signal(signal.SIGCONT)
    late = workplace.publish([make_mail(100)])
    workplace.wait_for(settled=61)
    assert stalled.poll() is None
    stalled.send_signal(signal.SIGTERM)
    assert workplace.end(stalled) == 0
    workplace.check_all_settled([*ids, *late], [*mails, make_mail(100)])
    assert workplace.stats().counters["settled"] == 61
