"""The back-off of an IMAP connection: forgotten after proven survival only, and never a login loop."""

import random

import pytest

from src.common.errors import LoginRefusedError, SourceUnavailableError
from src.common.retry import RetryPolicy
from src.sources.imap.connection import LONGEST_PAUSE_S, SURVIVAL_S, Connection
from tests.fakes.clock import FakeClock
from tests.fakes.imap_mailbox import MemoryImapServer, Profile


class _Highest(random.Random):
    """Jitter that always gives the upper bound."""

    def uniform(self, a: float, b: float) -> float:
        return b


class _Bench:
    def __init__(self, *, forget: bool = False) -> None:
        self.clock = FakeClock()
        self.server = MemoryImapServer(Profile("plain"))
        self.pauses: list[float] = []
        self.forgotten = 0
        self.connection = Connection(
            self.server.open_session,
            clock=self.clock,
            pause=self._pause,
            forget_token=self._forget if forget else None,
            policy=RetryPolicy(max_attempts=0, initial_s=1.0, cap_s=300.0),
            rng=_Highest(),
        )

    def _pause(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        self.clock.advance(seconds)
        return False

    def _forget(self) -> None:
        self.forgotten += 1

    def die_young(self) -> None:
        self.connection.session()
        self.connection.lost()


def test_first_connection_and_one_after_a_long_life_open_at_once() -> None:
    bench = _Bench()
    bench.connection.session()
    bench.clock.advance(SURVIVAL_S)
    bench.connection.lost()
    bench.connection.session()
    assert bench.pauses == []


def test_each_early_death_doubles_the_wait() -> None:
    bench = _Bench()
    for _ in range(4):
        bench.die_young()
    assert bench.pauses == [1.0, 2.0, 4.0]


def test_long_wait_is_left_to_the_caller() -> None:
    bench = _Bench()
    for _ in range(4):
        bench.die_young()
    opened = bench.server.sessions_opened
    with pytest.raises(SourceUnavailableError, match="next try is due in 8 s"):
        bench.connection.session()
    assert bench.server.sessions_opened == opened
    assert max(bench.pauses) <= LONGEST_PAUSE_S
    bench.clock.advance(8.0)
    bench.connection.session()


def test_wait_is_short_again_only_after_proven_survival() -> None:
    bench = _Bench()
    for _ in range(3):
        bench.die_young()
    bench.connection.session()
    bench.clock.advance(SURVIVAL_S - 1)
    bench.connection.lost()
    bench.clock.advance(100.0)
    bench.connection.session()
    bench.clock.advance(SURVIVAL_S)
    bench.connection.lost()
    bench.pauses.clear()
    bench.connection.session()
    assert bench.pauses == []


def test_connection_lost_over_a_bad_mail_does_not_slow_the_next() -> None:
    bench = _Bench()
    for _ in range(6):
        bench.connection.session()
        bench.connection.lost(over_a_mail=True)
    assert max(bench.pauses) <= 1.0


def test_session_that_closed_itself_is_replaced() -> None:
    bench = _Bench()
    first = bench.connection.session()
    first.close()
    assert bench.connection.session() is not first


def test_refused_login_takes_a_fresh_token_once() -> None:
    bench = _Bench(forget=True)
    bench.server.refused_logins = 1
    bench.connection.session()
    assert (bench.forgotten, bench.server.sessions_opened) == (1, 2)


def test_login_refused_twice_is_the_operators_and_not_tried_fast() -> None:
    bench = _Bench(forget=True)
    bench.server.refused_logins = 100
    for _ in range(20):
        with pytest.raises((LoginRefusedError, SourceUnavailableError)):
            bench.connection.session()
    assert bench.server.sessions_opened <= 8


def test_wrong_password_is_never_sent_twice_in_a_row() -> None:
    bench = _Bench()
    bench.server.refused_logins = 1
    with pytest.raises(LoginRefusedError):
        bench.connection.session()
    assert bench.server.sessions_opened == 1
