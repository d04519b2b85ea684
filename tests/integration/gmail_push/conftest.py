"""A producer of Gmail accounts in this process: the fake Gmail with its Pub/Sub, a real Redis, and our own wire."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from config.settings import Settings, load
from src.common.beats import Beats
from src.common.clock import SystemClock
from src.common.redis_client import RedisConnection
from src.common.shutdown import Shutdown
from src.producer import hint_loop, mailbox_loop
from src.producer.build import ProducerOptions, build
from src.producer.late_store import NothingKnown
from src.producer.producer import Producer
from src.producer.pushes import Pushes
from src.sources.gmail.opening import open_gmail
from src.sources.request import SourceRequest
from src.stream.options import options_from
from src.stream.redis_stream import RedisStream
from src.sync.hints import Hints
from tests.fakes.gmail.fake_gmail import READ_SCOPE, FakeGmail
from tests.fixtures.redis_servers import RedisServer, connection_to
from tests.fixtures.services import wait_until
from tests.integration.producer.programs import published

TOPIC = "projects/example/topics/mail"
SUBSCRIPTION = "projects/example/subscriptions/mail"
NEVER_S = 600.0  # a poll interval that no test waits for
SOON_S = 5.0  # far below it; hints take a few milliseconds


class Tokens:
    """Gives the access tokens of one account of the fake."""

    def __init__(self, gmail: FakeGmail, account: str) -> None:
        self._gmail, self._account = gmail, account
        self.forget()

    def __call__(self, refused: str = "") -> str:
        return self._token

    def forget(self) -> None:
        self._token = self._gmail.google.issue_access_token(READ_SCOPE, self._account)


class Home:
    """Producers of the fake's accounts, as `producer.py` puts them together, in threads."""

    def __init__(self, gmail: FakeGmail, redis: RedisConnection, settings: Settings, closing: ExitStack) -> None:
        self.gmail = gmail
        self.redis = redis
        self.settings = settings
        self.stream = RedisStream(redis, options_from(settings))
        self._closing = closing

    def produce(self, *accounts: str, **changes: object) -> "RunningProducer":
        """Begin to read these accounts, the first one if none is named."""
        settings = self.settings.model_copy(update=changes)
        running = RunningProducer(self, settings, accounts or (self.gmail.google.account,))
        self._closing.callback(running.stop)
        return running

    def published(self) -> int:
        """Return how many mails are on the stream."""
        return published(self.stream)

    def await_published(self, count: int) -> None:
        wait_until(lambda: self.published() >= count, what=f"{count} mails on the stream", timeout_s=SOON_S)
        assert self.published() == count


class RunningProducer:
    """One producer, begun; `stop` ends it as a signal would."""

    def __init__(self, home: Home, settings: Settings, accounts: tuple[str, ...]) -> None:
        clock = SystemClock()
        self._shutdown = Shutdown()
        self._pushes = Pushes(Hints(home.redis, prefix=settings.redis_stream_name), clock=clock)
        sources = [
            source
            for account in accounts
            for source in open_gmail(
                SourceRequest(
                    settings,
                    account,
                    known=NothingKnown(),
                    tickets=home.stream,
                    clock=clock,
                    batch_mails=50,
                    access_tokens=Tokens(home.gmail, settings.gmail_user or account),
                    redis=home.redis.commands,
                    pushes=self._pushes,
                )
            )
        ]
        self._producer: Producer = build(
            sources,
            options=ProducerOptions(
                poll_interval_s=settings.imap_poll_interval_seconds, lease_s=settings.lease_seconds
            ),
            stream=home.stream,
            states=None,
            shutdown=self._shutdown,
            beats=Beats(clock),
            clock=clock,
        )
        self._thread = threading.Thread(target=self._producer.run)
        self._thread.start()

    def await_idle(self) -> "RunningProducer":
        """Wait until every account was read to its end."""
        states = self._producer.board.reports
        wait_until(
            lambda: all(report.state.value == "caught_up" for report in states()),
            what="the producer to be caught up",
            timeout_s=SOON_S,
        )
        return self

    def stop(self) -> None:
        """End it. May be called twice."""
        self._shutdown.ask()
        self._thread.join(20)
        assert not self._thread.is_alive()
        self._pushes.close()


@pytest.fixture
def redis(redis7: RedisServer) -> Iterator[RedisConnection]:
    connection = connection_to(redis7.url)
    yield connection
    connection.close()


MakeSettings = Callable[..., Settings]


@pytest.fixture
def push_settings(gmail: FakeGmail, tmp_path: Path) -> Settings:
    """Settings that point at the fake's Gmail and Pub/Sub, with a key that may pull."""
    gmail.pubsub.subscribe(SUBSCRIPTION, TOPIC)
    key = tmp_path / "pubsub.json"
    key.write_text(json.dumps(gmail.pubsub_key()), encoding="utf-8")
    return load(
        gmail_api_endpoint=gmail.endpoint,
        pubsub_api_endpoint=gmail.endpoint,
        gmail_pubsub_topic=TOPIC,
        gmail_pubsub_subscription=SUBSCRIPTION,
        google_pubsub_credentials_file=str(key),
        gmail_quota_units_per_minute=1_000_000,
        gmail_census_interval_seconds=1e12,
        imap_poll_interval_seconds=NEVER_S,
    )


@pytest.fixture
def home(
    gmail: FakeGmail, redis: RedisConnection, push_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Home]:
    for module, pause in ((hint_loop, "LISTEN_S"), (mailbox_loop, "LOOK_UP_S"), (mailbox_loop, "NOTHING_YET_S")):
        monkeypatch.setattr(module, pause, 0.05)  # beginning and ending are not what is tried here
    gmail.pubsub.ack_deadline_s = 0.5  # what was on its way to a producer that ended comes again after it
    with ExitStack() as closing:
        yield Home(gmail, redis, push_settings, closing)
