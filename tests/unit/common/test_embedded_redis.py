"""The embedded Redis: one for all who ask, private, durable, and replaced when it died."""

import os
import signal
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from src.common.embedded_redis import EmbeddedRedis, find_embedded, start_embedded, stop_embedded
from src.common.errors import RedisMisconfiguredError
from src.common.redis_check import check_redis
from src.common.redis_client import RedisConnection
from tests.fixtures.redis_servers import connection_to


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data" / "redis"
    stop_embedded(tmp_path / "data" / "redis")


def connected(folder: Path) -> RedisConnection:
    return connection_to(f"embedded:{folder}")


def test_many_starters_at_once_share_one_server(folder: Path) -> None:
    found: list[EmbeddedRedis] = []
    threads = [threading.Thread(target=lambda: found.append(start_embedded(folder))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 5
    assert len({running.pid for running in found}) == 1


def test_it_is_private_and_durable(folder: Path) -> None:
    connection = connected(folder)
    assert check_redis(connection.commands) == [], "fit to hold mail, without a warning"
    assert connection.commands.config_get("port") == {"port": "0"}, "it listens on no network"
    connection.close()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_dead_one_is_replaced_with_its_data(folder: Path) -> None:
    first = start_embedded(folder)
    connection = connected(folder)
    connection.commands.set("kept", "yes")
    os.kill(first.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while find_embedded(folder) is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    second = start_embedded(folder)
    assert second.pid != first.pid
    assert connection.commands.get("kept") == b"yes", "the same clients go on"
    connection.close()


def test_stopping_twice_or_nothing_is_fine(folder: Path, tmp_path: Path) -> None:
    start_embedded(folder)
    assert stop_embedded(folder)
    assert not stop_embedded(folder)
    assert find_embedded(folder) is None
    assert not stop_embedded(tmp_path / "never")


@pytest.fixture
def deep(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose path is too long for a socket; its socket lies below a temporary folder of the test's own."""
    short = Path(tempfile.mkdtemp(prefix="t"))
    monkeypatch.setattr(tempfile, "tempdir", str(short))
    deep = folder / ("x" * 120)
    yield deep
    stop_embedded(deep)
    short.rmdir()  # only if nothing was left in it


def sockets_folders() -> list[Path]:
    return list(Path(tempfile.gettempdir()).iterdir())


def test_a_deep_folder_works_although_its_path_is_too_long_for_a_socket(deep: Path) -> None:
    running = start_embedded(deep)
    assert running.socket.exists()
    assert sockets_folders() == [running.socket.parent]
    assert stop_embedded(deep)
    assert sockets_folders() == []


def test_looking_for_a_server_makes_no_folder_for_its_socket(deep: Path) -> None:
    assert find_embedded(deep) is None
    deep.mkdir(parents=True)
    assert not stop_embedded(deep)
    assert sockets_folders() == []


def test_stopping_takes_away_what_a_killed_one_left(deep: Path) -> None:
    running = start_embedded(deep)
    os.kill(running.pid, signal.SIGKILL)
    while find_embedded(deep) is not None:
        time.sleep(0.01)
    stop_embedded(deep)
    assert sockets_folders() == []


def test_a_socket_folder_that_others_may_enter_or_put_there_is_refused(deep: Path) -> None:
    private = start_embedded(deep).socket.parent
    stop_embedded(deep)
    private.mkdir(mode=0o755)
    with pytest.raises(RedisMisconfiguredError, match="not private"):
        find_embedded(deep)
    private.rmdir()
    private.symlink_to(deep)
    with pytest.raises(RedisMisconfiguredError, match="not private"):
        start_embedded(deep)
    private.unlink()


def test_half_a_transaction_at_the_end_of_the_aof_is_cut_off(folder: Path) -> None:
    """Redis itself would let it take effect at the next start but one."""
    running = start_embedded(folder)
    connection = connected(folder)
    with connection.commands.pipeline(transaction=True) as both:
        both.set("one", "1")
        both.set("two", "2" * 100)
        both.execute()
    os.kill(running.pid, signal.SIGKILL)
    while find_embedded(folder) is not None:
        time.sleep(0.01)
    aof = folder / "appendonly.aof"
    aof.write_bytes(aof.read_bytes()[:-60])
    for value in (b"3", b"4"):
        running = start_embedded(folder)
        assert connection.commands.get("one") is None
        connection.commands.set("later", value)
        os.kill(running.pid, signal.SIGKILL)
        while find_embedded(folder) is not None:
            time.sleep(0.01)
    start_embedded(folder)
    assert connection.commands.mget("one", "later") == [None, b"4"]
    connection.close()
