"""Producers killed at any moment, and producers that meet: each mail is on the stream once, and nothing is lost."""

import hashlib
import random
import time
from functools import partial
from pathlib import Path

import pytest

from src.common.exit_codes import INCOMPLETE, OK
from src.stream.redis_stream import RedisStream
from tests.fixtures.redis_servers import RedisServer
from tests.fixtures.services import wait_until
from tests.integration.producer.programs import ACCOUNT, published, start_import, stream_on, times_on_the_stream
from tests.unit.sources.mbox_writing import mboxrd

pytestmark = pytest.mark.redis

KILLS = 4
MAILS = 2000


def test_kill_9_around_the_publish_script_loses_and_doubles_nothing(redis7: RedisServer, tmp_path: Path) -> None:
    rng = random.Random(20260101)
    mails = [b"Subject: %d\n\n%s\n" % (number, rng.randbytes(6000).hex().encode()) for number in range(MAILS)]
    path = tmp_path / "mails.mbox"
    path.write_bytes(mboxrd(mails))
    stream = stream_on(redis7)
    for _ in range(KILLS):
        before = published(stream)
        process = start_import(redis7, path, LEASE_SECONDS="1")
        wait_until(partial(_has_more, stream, before), what="mails to flow")
        time.sleep(rng.uniform(0.0, 0.03))
        process.kill9()
        assert published(stream) >= stream.load_cursor(ACCOUNT, path.name).get_int("last_uid")
    last = start_import(redis7, path, LEASE_SECONDS="1")
    assert last.wait(60) == OK, last.said()
    times = times_on_the_stream(stream, ACCOUNT, path.name)
    assert set(times.values()) == {1}
    assert set(times) == {f"{hashlib.sha256(mail).hexdigest()[:32]}:1" for mail in mails}


def _has_more(stream: RedisStream, than: int) -> bool:
    return published(stream) > than or published(stream) == MAILS


def test_a_second_producer_waits_and_takes_over_from_a_dead_one(redis7: RedisServer, tmp_path: Path) -> None:
    path = tmp_path / "mails.mbox"
    path.write_bytes(mboxrd([b"Subject: %d\n\n\n" % number for number in range(60)]))
    stream = stream_on(redis7)
    first = start_import(redis7, path, LEASE_SECONDS="2", REDIS_MAX_STREAM_LENGTH="20")
    wait_until(lambda: published(stream) >= 20, what="the first producer to fill the stream")
    second = start_import(redis7, path, LEASE_SECONDS="2")
    time.sleep(1.5)
    assert published(stream) == 20, "the second producer publishes while the first holds the lease"
    first.kill9()
    assert second.wait(30) == OK, second.said()
    times = times_on_the_stream(stream, ACCOUNT, path.name)
    assert len(times) == 60
    assert set(times.values()) == {1}


def test_a_stopped_import_ends_in_order_and_is_resumed(redis7: RedisServer, tmp_path: Path) -> None:
    path = tmp_path / "mails.mbox"
    path.write_bytes(mboxrd([b"Subject: %d\n\n\n" % number for number in range(60)]))
    stream = stream_on(redis7)
    process = start_import(redis7, path, REDIS_MAX_STREAM_LENGTH="20")
    wait_until(lambda: published(stream) >= 20, what="the stream to be full")
    process.stop()
    assert process.wait(20) == INCOMPLETE, process.said()
    lease = stream.acquire_lease(ACCOUNT, path.name, "me")
    assert lease is not None, "the lease was not given back"
    stream.release_lease(lease)
    again = start_import(redis7, path)
    assert again.wait(30) == OK, again.said()
    assert len(times_on_the_stream(stream, ACCOUNT, path.name)) == 60
