"""The wire under test: a scripted server, a real Redis for the quota, and a budget that hardly holds up a test."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from src.auth.api_credentials import ApiCredentials
from src.common.clock import SystemClock
from src.common.redis_client import RedisConnection
from src.sync.gmail_api import GmailApi
from src.sync.quota import Governor, Limits
from src.sync.quota_profile import PROFILES
from src.sync.quota_scripts import QuotaScripts
from tests.fakes.gmail_scripted_server import Script, ScriptedServer
from tests.fixtures.redis_servers import RedisServer, connection_to

ACCOUNT = "reader@example.org"
AMPLE = replace(PROFILES["legacy"], units=1_000_000, spread_s=1.0)


class Tokens:
    """Gives access tokens; a refused one is replaced."""

    def __init__(self) -> None:
        self.number = 1
        self.refused: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, refused: str = "") -> str:
        with self._lock:
            if refused:
                self.refused.append(refused)
                if refused == f"token-{self.number}":
                    self.number += 1
            return f"token-{self.number}"


class QuickClock(SystemClock):
    """Sleeps a fiftieth of what is asked, so that retries do not hold up a test."""

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds / 50)


class StopError(Exception):
    """What a sleep raises when a stop was asked for."""


class Wire:
    """One account's API against a server of one's own script."""

    def __init__(
        self,
        script: Script,
        redis: RedisConnection,
        *,
        timeout_s: float = 5.0,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.server = ScriptedServer(script, tls)
        self.tokens = Tokens()
        self.stop = threading.Event()
        clock = QuickClock()
        scripts = QuotaScripts(redis.commands, account=ACCOUNT, prefix="mails")
        self.governor = Governor(scripts, AMPLE, account=ACCOUNT, clock=clock, limits=limits or Limits())
        self.api = GmailApi(
            ApiCredentials(self.tokens),
            self.governor,
            clock=clock,
            timeout_s=timeout_s,
            endpoint=self.server.endpoint,
            sleep=self._sleep,
        )
        self._clock = clock

    def _sleep(self, seconds: float) -> None:
        if self.stop.is_set():
            raise StopError
        self._clock.sleep(seconds)


MakeWire = Callable[..., Wire]


@pytest.fixture
def redis(redis7: RedisServer) -> Iterator[RedisConnection]:
    connection = connection_to(redis7.url)
    yield connection
    connection.close()


@pytest.fixture
def wire(redis: RedisConnection) -> Iterator[MakeWire]:
    """Makes a Wire: `wire(script)`, with the options of Wire."""
    with ExitStack() as stack:

        def make(script: Script, **options: Any) -> Wire:
            made = Wire(script, redis, **options)
            stack.enter_context(made.server.serving())
            stack.callback(made.governor.close)
            stack.callback(made.api.close)
            return made

        yield make
