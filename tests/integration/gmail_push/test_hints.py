"""Hints between processes: everyone who listens hears each, none that was told before they began."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from config.settings import load
from src.common.clock import SystemClock
from src.common.errors import RedisUnavailableError
from src.common.redis_client import RedisConnection
from src.producer.pushes import Pushes
from src.sync import hints as hints_module
from src.sync.hints import NOTHING, Hints
from src.sync.push_data import hint_tag
from src.sync.watch_records import WatchRecords
from tests.fixtures.logs import CapturedLogs
from tests.fixtures.redis_servers import RedisClusterServers, RedisServer, connection_to
from tests.fixtures.services import wait_until

pytestmark = pytest.mark.redis
KEY = "mails:gmail_hints"


@pytest.fixture(params=["redis62", "redis7", pytest.param("redis_cluster", marks=pytest.mark.cluster)])
def connection(request: pytest.FixtureRequest) -> Iterator[RedisConnection]:
    server: RedisServer | RedisClusterServers = request.getfixturevalue(request.param)
    opened = connection_to(server.url)
    yield opened
    opened.close()


@pytest.fixture
def hints(connection: RedisConnection) -> Hints:
    return Hints(connection, prefix="mails")


def test_every_listener_hears_each_hint_once(hints: Hints, connection: RedisConnection) -> None:
    other = Hints(connection, prefix="mails")
    hints.tell(["a"])
    mine, theirs = hints.newest(), other.newest()
    hints.tell(["b", "c"])
    other.tell(["b"])
    mine, tags = hints.after(mine, wait_s=1.0)
    assert tags == {"b", "c"}
    assert other.after(theirs, wait_s=1.0)[1] == {"b", "c"}
    assert hints.after(mine, wait_s=0.01) == (mine, frozenset())


def test_the_first_hint_of_all_ends_a_wait(hints: Hints) -> None:
    assert hints.newest() == NOTHING
    timer = threading.Timer(0.1, hints.tell, [["a"]])
    timer.start()
    began = time.monotonic()
    assert hints.after(NOTHING, wait_s=5.0)[1] == {"a"}
    assert 0.05 < time.monotonic() - began < 2
    timer.join()


def test_hints_are_bounded_in_number_and_time(
    hints: Hints, connection: RedisConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints_module, "MOST_KEPT", 100)
    hints.tell(f"{number:08x}" for number in range(1000))
    assert 100 <= connection.commands.xlen(KEY) <= 200  # Redis drops whole nodes of 100
    assert 0 < connection.commands.ttl(KEY) <= hints_module.KEPT_S
    hints.tell([])
    assert len(hints.after(NOTHING, wait_s=0.01)[1]) <= 200


def test_a_listener_goes_on_after_its_hints_were_deleted(hints: Hints, connection: RedisConnection) -> None:
    hints.tell(["a"])
    position = hints.newest()
    connection.commands.delete(KEY)
    time.sleep(0.002)  # ids are made of milliseconds
    hints.tell(["b"])
    assert hints.after(position, wait_s=1.0)[1] == {"b"}


def test_redis_away_is_one_of_our_errors(tmp_path_factory: pytest.TempPathFactory) -> None:
    nobody = connection_to("redis://127.0.0.1:1/0")
    away = Hints(nobody, prefix="mails")
    for call in (lambda: away.tell(["a"]), away.newest, lambda: away.after(NOTHING, wait_s=0.01)):
        with pytest.raises(RedisUnavailableError):
            call()
    nobody.close()


@pytest.mark.parametrize(
    "found", [b"", b"[]", b"{}", b"\xff", b'{"topic": 1, "begun_at": 2, "expires_at": 3}',
              b'{"topic": "t", "begun_at": "2026-01-01", "expires_at": "2026-01-01T00:00:00+00:00"}']
)  # fmt: skip
def test_a_record_of_a_watch_that_someone_wrote_by_hand_counts_as_none(
    connection: RedisConnection, found: bytes
) -> None:
    records = WatchRecords(connection.commands, prefix="mails")
    connection.commands.set(records._key("ada@example.org"), found)
    assert records.load("ada@example.org") is None


def test_a_listener_hears_again_once_redis_is_back(own_redis: Callable[..., RedisServer], logs: CapturedLogs) -> None:
    server = own_redis("redis7")
    connection = connection_to(server.url)
    hints, rung = Hints(connection, prefix="mails"), threading.Event()
    pushes = Pushes(hints, clock=SystemClock())
    pushes.wake("ada@example.org", rung.set, load())
    server.kill9()
    wait_until(lambda: bool(logs.named("push_loop_failed")), what="the listener to notice")
    server.start()
    wait_until(lambda: bool(logs.named("push_loop_recovered")), what="the listener to recover")
    hints.tell([hint_tag("ADA@example.org")])
    assert rung.wait(5)
    pushes.close()
    connection.close()
    assert len(logs.named("push_loop_failed")) == 1
