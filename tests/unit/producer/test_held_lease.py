"""A held lease is renewed for as long as it is in use, and known to be lost when it is."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from src.common.clock import SystemClock
from src.common.errors import LeaseLostError, RedisUnavailableError
from src.producer.held_lease import HeldLease
from src.stream.memory.stream import MemoryStream
from src.stream.options import StreamOptions
from src.stream.protocol import Lease
from tests.fixtures.services import wait_until

LEASE_S = 0.3


class CountingStream(MemoryStream):
    """Counts renewals, and fails or refuses them when told."""

    def __init__(self) -> None:
        super().__init__(StreamOptions(lease_s=LEASE_S))
        self.renewals = 0
        self.error: Exception | None = None
        self.refuses = False
        self.lock = threading.Lock()

    def renew_lease(self, lease: Lease) -> bool:
        self.renewals += 1
        if self.error is not None:
            raise self.error
        return not self.refuses and super().renew_lease(lease)


@contextmanager
def held(stream: CountingStream) -> Iterator[HeldLease]:
    lease = stream.acquire_lease("alice", "INBOX", "me")
    assert lease is not None
    with HeldLease(stream, lease, lease_s=LEASE_S, clock=SystemClock()) as found:
        yield found


def test_it_outlives_its_time_while_in_use_and_is_given_back_at_the_end() -> None:
    stream = CountingStream()
    with held(stream) as lease:
        wait_until(lambda: stream.renewals > 5, what="five renewals")
        lease.check()
        assert stream.acquire_lease("alice", "INBOX", "another") is None
    assert stream.acquire_lease("alice", "INBOX", "another") is not None


def test_a_refused_renewal_means_that_it_is_lost() -> None:
    stream = CountingStream()
    stream.refuses = True
    with held(stream) as lease:
        wait_until(lambda: lease.is_lost, what="the refusal")
        with pytest.raises(LeaseLostError):
            lease.check()


def test_a_redis_that_is_away_costs_the_lease_only_when_its_time_is_up() -> None:
    stream = CountingStream()
    stream.error = RedisUnavailableError("away")
    with held(stream) as lease:
        wait_until(lambda: stream.renewals > 0, what="a renewal that fails")
        assert not lease.is_lost
        wait_until(lambda: lease.is_lost, what="the lease's time to be up")
