"""The short version of `make torture`: everything is killed at random, and every mail is there at the end.

A failure prints the seed. Repeat it with `python -m scripts.torture --mails 600 --seed SEED`.
"""

import os
import random
from pathlib import Path

import pytest

from scripts.torturing.storm import Plan, Storm
from tests.fixtures.services import free_port, require_program


@pytest.mark.redis
@pytest.mark.load
@pytest.mark.timeout(240)
def test_nothing_is_lost_in_a_short_storm(tmp_path: Path) -> None:
    require_program("redis-server")
    seed = int(os.environ.get("TORTURE_SEED", "0")) or random.SystemRandom().randint(1, 1_000_000)
    plan = Plan(mails=600, seed=seed, most_minutes=0.6, faults=6, reply_loss=0.02, batch_size=20)
    result = Storm(plan, tmp_path, free_port()).run()
    assert result.findings == [], f"seed {seed}: {result}"
    assert sum(result.kills.values()) + result.stalls > 0, f"seed {seed}: nothing was hurt"
