"""The short versions of `make torture`: everything is killed at random, and every mail is there at the end.

A failure prints the seed. Repeat it with `TORTURE_SEED=SEED`, or longer with `python -m scripts.torture --seed SEED`.
"""

import os
import random
from pathlib import Path

import pytest

from scripts.torturing.feed import Feed
from scripts.torturing.gmail_feed import GmailFeed
from scripts.torturing.gmail_life import GmailWeather
from scripts.torturing.mbox_feed import MboxFeed
from scripts.torturing.storm import Plan, Storm
from tests.fixtures.services import free_port, require_program


@pytest.fixture
def seed() -> int:
    require_program("redis-server")
    return int(os.environ.get("TORTURE_SEED", "0")) or random.SystemRandom().randint(1, 1_000_000)


def survive(plan: Plan, folder: Path, feed: Feed) -> None:
    result = Storm(plan, folder, feed, redis_port=free_port()).run()
    assert result.findings == [], f"seed {plan.seed}: {result}"
    assert sum(result.kills.values()) + result.stalls > 0, f"seed {plan.seed}: nothing was hurt"


@pytest.mark.redis
@pytest.mark.load
@pytest.mark.timeout(240)
def test_nothing_is_lost_in_a_short_storm(seed: int, tmp_path: Path) -> None:
    plan = Plan(mails=600, seed=seed, most_minutes=0.6, faults=6, reply_loss=0.02, batch_size=20)
    survive(plan, tmp_path, MboxFeed(tmp_path, mails=plan.mails, seed=seed))


@pytest.mark.redis
@pytest.mark.load
@pytest.mark.timeout(240)
def test_nothing_is_lost_of_a_busy_mailbox_behind_the_gmail_api(seed: int, tmp_path: Path) -> None:
    plan = Plan(mails=240, seed=seed, most_minutes=0.17, faults=6, reply_loss=0.005, batch_size=20, max_crashes=1000)
    expiries = seed % 2  # each mends what was lost before: half of the runs do without
    weather = GmailWeather(
        fault_rate=2.0,
        refusals=0,
        history_expiries=expiries,
        page_expiries=1,
        token_ends=1,
        page_size=30,
        poll_interval_s=1.0,
    )
    survive(plan, tmp_path, GmailFeed(tmp_path, mails=plan.mails, seed=seed, weather=weather))
