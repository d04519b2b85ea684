"""Pulled events become hints, then they are acknowledged; whatever fails, none is lost and none comes for ever."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from prometheus_client import REGISTRY

from src.common.clock import SystemClock
from src.common.errors import IngestError, PushRefusedError, PushUnavailableError, RedisUnavailableError
from src.common.retry import RetryPolicy
from src.producer import push_thread
from src.producer.pull_loop import PullLoop
from src.producer.push_thread import PushThread
from src.sync.push_data import hint_tag
from tests.fixtures.logs import CapturedLogs
from tests.fixtures.services import wait_until

NAME = "projects/example/subscriptions/mail"
ADA, EVE = "ada@example.org", "eve@example.org"
QUICK = RetryPolicy(max_attempts=0, initial_s=0.001, cap_s=0.01)


@dataclass(frozen=True)
class Event:
    ack_id: str
    data: bytes


def about(*addresses: str) -> list[Event]:
    return [Event(address, json.dumps({"emailAddress": address, "historyId": 5}).encode()) for address in addresses]


class ScriptedEvents:
    """Plays Events: each pull takes the next answer, an error is raised; then it waits until it is closed."""

    def __init__(self, diary: list[str], answers: list[Sequence[Event] | Exception]) -> None:
        self._diary, self._answers = diary, answers
        self._closed = threading.Event()

    def pull(self) -> Sequence[Event]:
        if not self._answers:
            self._closed.wait(20)
            raise PushUnavailableError("the subscription was closed")
        self._diary.append("pull")
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def acknowledge(self, ack_ids: Sequence[str]) -> None:
        self._diary.append(f"ack {' '.join(ack_ids)}")

    def close(self) -> None:
        self._closed.set()


class ScriptedHints:
    """Plays HintStore."""

    def __init__(self, diary: list[str]) -> None:
        self._diary = diary
        self.fails = 0

    def tell(self, tags: Iterable[str]) -> None:
        if self.fails:
            self.fails -= 1
            raise RedisUnavailableError("away")
        self._diary.append(f"tell {len(list(tags))}")


class Scene:
    """A pull loop over scripted answers."""

    def __init__(self, *answers: Sequence[Event] | Exception) -> None:
        self.diary: list[str] = []
        self.answers = list(answers)
        self.hints = ScriptedHints(self.diary)
        self.opened = 0
        self.opening_fails: list[Exception] = []

    def open(self) -> ScriptedEvents:
        self.opened += 1
        if self.opening_fails:
            raise self.opening_fails.pop(0)
        return ScriptedEvents(self.diary, self.answers)

    @contextmanager
    def running(self) -> Iterator[None]:
        clock = SystemClock()
        loop = PullLoop(self.open, self.hints, name=NAME, reads=lambda: {hint_tag(ADA)}, clock=clock)
        thread = PushThread("pull", loop.go_round, interrupt=loop.interrupt, clock=clock, policy=QUICK)
        try:
            yield
        finally:
            thread.ask()
            thread.join()

    def play(self, until: Callable[[], bool]) -> list[str]:
        with self.running():
            wait_until(until, what=f"the scene to end, at {self.diary}", timeout_s=5)
        return self.diary


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("email_ingestion_gmail_push_events_total", {"outcome": outcome}) or 0.0


def failures(code: str) -> float:
    labels = {"step": "pull", "code": code}
    return REGISTRY.get_sample_value("email_ingestion_gmail_push_errors_total", labels) or 0.0


def up() -> float | None:
    return REGISTRY.get_sample_value("email_ingestion_gmail_push_up", {"subscription": "mail"})


def test_a_hint_is_stored_before_its_event_is_acknowledged() -> None:
    scene = Scene(about(ADA, ADA, EVE))
    diary = scene.play(lambda: len(scene.diary) == 3)
    assert diary == ["pull", "tell 2", f"ack {ADA} {ADA} {EVE}"]


def test_what_cannot_be_stored_is_not_acknowledged(logs: CapturedLogs) -> None:
    scene = Scene(about(ADA), about(ADA))
    scene.hints.fails = 1
    assert scene.play(lambda: len(scene.diary) == 4) == ["pull", "pull", "tell 1", f"ack {ADA}"]
    assert [event["code"] for event in logs.named("push_loop_failed")] == ["redis_unavailable"]
    assert len(logs.named("push_loop_recovered")) == 1


def test_strangers_and_broken_events_are_acknowledged_and_counted(logs: CapturedLogs) -> None:
    broken = [Event("b1", b""), Event("b2", b"\xff"), Event("b3", b"{}")]
    before = {outcome: counted(outcome) for outcome in ("hint", "other", "broken")}
    scene = Scene([*about(ADA, EVE), *broken], broken)
    diary = scene.play(lambda: len(scene.diary) == 6)
    assert diary == ["pull", "tell 2", f"ack {ADA} {EVE} b1 b2 b3", "pull", "tell 0", "ack b1 b2 b3"]
    assert {outcome: counted(outcome) - count for outcome, count in before.items()} == {
        "hint": 1,
        "other": 1,
        "broken": 6,
    }
    assert not [event for event in logs.events if ADA in str(event) or EVE in str(event)]


@pytest.mark.parametrize("error", [PushUnavailableError("503"), ValueError("a fault of ours")])
def test_a_failure_is_said_once_and_shown_until_it_is_over(error: Exception, logs: CapturedLogs) -> None:
    code = getattr(error, "code", IngestError.code)
    before = failures(code)
    scene = Scene(*[error] * 5, about(ADA))
    scene.play(lambda: "tell 1" in scene.diary and up() == 1.0)
    assert scene.diary[:6] == ["pull"] * 6
    assert failures(code) == before + 5
    assert [event["code"] for event in logs.named("push_loop_failed")] == [code]
    assert scene.opened == (6 if isinstance(error, ValueError) else 1)


def test_what_an_operator_must_mend_is_tried_again_after_a_while(
    monkeypatch: pytest.MonkeyPatch, logs: CapturedLogs
) -> None:
    monkeypatch.setattr(push_thread, "BLOCKED_RETRY_S", 0.2)
    scene = Scene(about(ADA))
    scene.opening_fails = [PushRefusedError("no key"), PushRefusedError("no key")]
    began = time.monotonic()
    scene.play(lambda: "tell 1" in scene.diary)
    assert time.monotonic() - began >= 0.4
    assert len(logs.named("push_loop_failed")) == 1


def test_pulls_that_bring_nothing_at_once_do_not_make_a_hot_loop() -> None:
    scene = Scene(*[[]] * 1000)
    with scene.running():
        time.sleep(0.3)
    assert scene.diary == ["pull"]


def test_a_stop_ends_a_pull_that_waits() -> None:
    scene, before = Scene(), failures("push_unavailable")
    began = time.monotonic()
    with scene.running():
        wait_until(lambda: scene.opened == 1, what="the pull to begin")
    assert time.monotonic() - began < 2
    assert failures("push_unavailable") == before  # it was asked for
