"""The subscription on the wire: what it pulls, how it is refused, and that nothing holds it up for long."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from google.auth import jwt

from config.settings import Settings
from src.auth.pubsub_key import load_pubsub_key
from src.common.clock import SystemClock
from src.common.errors import (
    IngestError,
    InsecureConnectionError,
    PushRefusedError,
    PushUnavailableError,
    TokenFileError,
)
from src.producer.pushes import open_subscription
from src.sync import pubsub
from src.sync.pubsub import Subscription
from tests.fakes.gmail import errors, faults
from tests.fakes.gmail.answer import json_answer
from tests.fakes.gmail.fake_gmail import FakeGmail
from tests.integration.gmail_push.conftest import SUBSCRIPTION, TOPIC

Open = Callable[..., Subscription]


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> jwt.Credentials:
    """The key that every fake has, read once, since checking it takes a while."""
    path = tmp_path_factory.mktemp("key") / "pubsub.json"
    path.write_text(json.dumps(FakeGmail().pubsub_key()), encoding="utf-8")
    return load_pubsub_key(path)


@pytest.fixture
def opened(gmail: FakeGmail, key: jwt.Credentials) -> Iterator[Open]:
    """Opens the subscription, or one that differs."""
    gmail.pubsub.subscribe(SUBSCRIPTION, TOPIC)
    gmail.pubsub_key()
    with ExitStack() as closing:

        def make(
            *, name: str = SUBSCRIPTION, credentials: object = key, pull_timeout_s: float = 5.0, endpoint: str = ""
        ) -> Subscription:
            made = Subscription(
                name,
                credentials,  # type: ignore[arg-type]  # google-auth's, or None
                clock=SystemClock(),
                endpoint=endpoint or gmail.endpoint,
                pull_timeout_s=pull_timeout_s,
            )
            closing.callback(made.close)
            return made

        yield make


def test_events_come_until_they_are_acknowledged(gmail: FakeGmail, opened: Open) -> None:
    gmail.pubsub.ack_deadline_s = 0.05
    subscription = opened()
    gmail.pubsub.publish(TOPIC, "aGVsbG8_")
    (first,) = subscription.pull()
    assert first.data == b"hello?"
    (again,) = subscription.pull()
    assert again.ack_id != first.ack_id
    subscription.acknowledge([again.ack_id])
    gmail.pubsub.longest_pull_s = 0.2
    assert subscription.pull() == ()
    assert gmail.pubsub.waiting(SUBSCRIPTION) == 0


def test_a_pull_waits_for_the_next_event(gmail: FakeGmail, opened: Open) -> None:
    timer = threading.Timer(0.2, gmail.pubsub.publish, [TOPIC, "eA=="])
    timer.start()
    began = time.monotonic()
    (event,) = opened().pull()
    assert event.data == b"x"
    assert 0.15 < time.monotonic() - began < 2
    timer.join()


@pytest.mark.parametrize(
    "data",
    [None, "", "not base64!", "x" * 100_000, "aGk"],
    ids=["no data", "empty", "no base64", "too long", "no padding"],
)
def test_whatever_an_event_holds_it_can_be_acknowledged(gmail: FakeGmail, opened: Open, data: str | None) -> None:
    gmail.service.checks_answers = False  # since the answer is odd
    gmail.pubsub.publish(TOPIC, data)
    subscription = opened()
    (event,) = subscription.pull()
    assert event.data == (b"hi" if data == "aGk" else b"")
    subscription.acknowledge([event.ack_id])
    assert gmail.pubsub.waiting(SUBSCRIPTION) == 0


def test_events_too_large_together_are_pulled_one_by_one(
    gmail: FakeGmail, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pubsub, "MAX_ANSWER_BYTES", 50_000)
    gmail.pubsub.ack_deadline_s = 0.0
    for _ in range(3):
        gmail.pubsub.publish(TOPIC, "x" * 40_000)
    subscription = opened()
    assert len(subscription.pull()) == 1
    gmail.pubsub.publish(TOPIC, "x" * 60_000)
    subscription.acknowledge([event.ack_id for _ in range(3) for event in subscription.pull()])


def test_504_means_that_nothing_came(gmail: FakeGmail, opened: Open) -> None:
    gmail.faults.add(faults.server_error(504), "subscriptions.pull", times=1)
    assert opened().pull() == ()


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (faults.server_error(503), PushUnavailableError, "503"),
        (faults.server_error(502), PushUnavailableError, "502"),
        (faults.throttled(), PushUnavailableError, "429"),
        (faults.cut(0.5), PushUnavailableError, "does not answer"),
        (faults.HANGS_UP, PushUnavailableError, "does not answer"),
        (faults.broken_json(b"<html>"), PushUnavailableError, "no JSON"),
        (faults.broken_json(b"[]"), PushUnavailableError, "no JSON object"),
        (faults.broken_json(b'{"receivedMessages": 5}'), PushUnavailableError, "no list"),
        (faults.broken_json(b'{"receivedMessages": [{}]}'), PushUnavailableError, "cannot be acknowledged"),
        (faults.UNAUTHENTICATED, PushRefusedError, "clock"),
        (faults.INSUFFICIENT_PERMISSIONS, PushRefusedError, "Pub/Sub Subscriber"),
        (faults.NOT_FOUND, PushRefusedError, "does not exist"),
        (faults.error(lambda: errors.bad_request("no")), PushRefusedError, "wrong"),
        (lambda _: json_answer(None), PushUnavailableError, "204"),
    ],
)
def test_each_failure_is_one_of_ours(
    gmail: FakeGmail, opened: Open, fault: faults.Fault, kind: type[IngestError], said: str
) -> None:
    gmail.pubsub.longest_pull_s = 0.1
    gmail.faults.add(fault, "subscriptions.pull")
    gmail.pubsub.publish(TOPIC, "eA==")
    with pytest.raises(kind, match=said) as caught:
        opened().pull()
    assert SUBSCRIPTION not in str(caught.value)
    gmail.faults.clear()


def test_silence_ends_by_the_time_out(gmail: FakeGmail, opened: Open) -> None:
    gmail.pubsub.longest_pull_s = 3.0
    began = time.monotonic()
    with pytest.raises(PushUnavailableError):
        opened(pull_timeout_s=0.2).pull()
    assert time.monotonic() - began < 2


def test_nobody_there_is_a_failure_that_may_pass(gmail: FakeGmail, opened: Open) -> None:
    gmail.http.stop()
    with pytest.raises(PushUnavailableError):
        opened().pull()


def test_closing_ends_a_pull_that_waits_and_allows_no_other(gmail: FakeGmail, opened: Open) -> None:
    gmail.pubsub.longest_pull_s = 10.0
    subscription = opened()
    timer = threading.Timer(0.2, subscription.close)
    timer.start()
    began = time.monotonic()
    with pytest.raises(PushUnavailableError):
        subscription.pull()
    assert time.monotonic() - began < 2
    with pytest.raises(PushUnavailableError, match="closed"):
        subscription.pull()
    timer.join()


def test_closing_at_any_moment_leaves_no_connection_behind(gmail: FakeGmail, opened: Open) -> None:
    gmail.pubsub.longest_pull_s = 0.01
    for round_ in range(40):
        subscription = opened()
        timer = threading.Timer(round_ * 0.0005, subscription.close)
        timer.start()
        with pytest.raises(PushUnavailableError):
            _pull_for_ever(subscription)
        timer.join()


def _pull_for_ever(subscription: Subscription) -> None:
    while True:
        subscription.pull()


def test_a_missing_subscription(opened: Open) -> None:
    with pytest.raises(PushRefusedError, match="does not exist"):
        opened(name="projects/example/subscriptions/missing").pull()


def test_a_service_account_without_the_role(gmail: FakeGmail, opened: Open) -> None:
    gmail.pubsub_key(may_pull=False)
    with pytest.raises(PushRefusedError, match="Pub/Sub Subscriber"):
        opened().pull()


def test_no_credentials_do_for_a_test_server_alone(gmail: FakeGmail, opened: Open) -> None:
    with pytest.raises(PushRefusedError, match="credentials"):
        opened(credentials=None).pull()
    gmail.service.takes_anyone_at_pubsub = True
    gmail.pubsub.longest_pull_s = 0.05
    assert opened(credentials=None).pull() == ()


def test_a_token_that_was_made_for_another_service_is_not_taken(
    opened: Open, push_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.auth.pubsub_key.AUDIENCE", "https://other.example.org/")
    key = load_pubsub_key(Path(push_settings.google_pubsub_credentials_file))
    with pytest.raises(PushRefusedError, match="credentials"):
        opened(credentials=key).pull()


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"client_email": "a", "private_key": "no key"}', "x" * 200_000])
def test_what_is_no_key_is_said_without_quoting_it(push_settings: Settings, tmp_path: Path, content: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(content, encoding="utf-8")
    settings = push_settings.model_copy(update={"google_pubsub_credentials_file": str(path)})
    with pytest.raises(TokenFileError, match="not a service account's key"):
        open_subscription(settings, SystemClock())


def test_a_key_file_that_is_not_there(push_settings: Settings, tmp_path: Path) -> None:
    settings = push_settings.model_copy(update={"google_pubsub_credentials_file": str(tmp_path / "missing.json")})
    with pytest.raises(TokenFileError, match="cannot read"):
        open_subscription(settings, SystemClock())


def test_a_key_is_not_sent_unprotected_over_a_network(opened: Open) -> None:
    with pytest.raises(InsecureConnectionError, match="PUBSUB_API_ENDPOINT"):
        opened(endpoint="http://pubsub.example.org/")
    opened(endpoint="http://pubsub.example.org/", credentials=None)  # nothing to protect


def test_the_key_itself_is_not_sent(push_settings: Settings) -> None:
    path = Path(push_settings.google_pubsub_credentials_file)
    sent: dict[str, str] = {}
    load_pubsub_key(path).before_request(None, "POST", "https://pubsub.googleapis.com/v1/x:pull", sent)  # type: ignore[no-untyped-call]
    claims = jwt.decode(sent["authorization"].removeprefix("Bearer "), verify=False)  # type: ignore[no-untyped-call]
    assert claims["aud"] == "https://pubsub.googleapis.com/"
    assert claims["exp"] - claims["iat"] == 3600
    assert json.loads(path.read_text(encoding="utf-8"))["private_key"] not in str(sent)
