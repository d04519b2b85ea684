"""The threads beside the main loop: watchdog, renewer, maintenance, and the beats they share."""

import random
from dataclasses import replace

import pytest

from src.common.beats import Beats
from src.common.errors import RedisUnavailableError
from src.common.exit_codes import INTERNAL
from src.common.shutdown import Shutdown
from src.worker.background import Background
from src.worker.grace import Grace
from src.worker.hand import Hand
from src.worker.maintenance import Chore, Maintenance
from src.worker.renewer import Renewer
from src.worker.watchdog import Watchdog, stacks, unwind
from tests.contracts.stream_mails import outgoing, publish
from tests.fakes.clock import FakeClock
from tests.fixtures.logs import CapturedLogs
from tests.fixtures.services import wait_until
from tests.unit.worker.tickets import make_ticket
from tests.unit.worker.workbench import CONSUMER, FlakyStream


class Watched:
    """A watchdog on a clock moved by hand, that notes what it would do."""

    def __init__(self) -> None:
        self.clock, self.shutdown = FakeClock(), Shutdown()
        self.beats = Beats(self.clock)
        for loop in ("read", "commit"):
            self.beats.expect(loop, within_s=30)
        self.left: list[int] = []
        self.handed_back = 0
        grace = Grace(self.shutdown, self.clock, 25.0)
        self.watchdog = Watchdog(self.beats, grace, 600.0, ("read", "commit"), self._hand_back, self.left.append)

    def _hand_back(self) -> None:
        self.handed_back += 1
        raise RedisUnavailableError("away")


@pytest.mark.parametrize(
    ("still_s", "moves", "asked_s", "reason"),
    [
        (599, False, None, ""),
        (601, False, None, "no_movement"),
        (601, True, None, ""),  # a loop that waits for a service moves
        (0, False, 26, ""),  # the last steps of the end take a moment
        (0, False, 28, "shutdown_too_slow"),
    ],
)
def test_reasons_to_end(still_s: float, moves: bool, asked_s: float | None, reason: str) -> None:
    watched = Watched()
    watched.clock.advance(still_s)
    if moves:
        watched.beats.trouble("commit", "database_unavailable")
    if asked_s is not None:
        watched.shutdown.ask()
        watched.watchdog.reason()
        watched.clock.advance(asked_s)
    assert watched.watchdog.reason() == reason


def test_a_mail_whose_attachments_never_end_is_a_reason_to_end() -> None:
    watched = Watched()
    worked_s = [1799.0]
    watchdog = replace(watched.watchdog, slow_mail_s=lambda: worked_s[0], slow_timeout_s=1800.0)
    assert watchdog.reason() == ""
    worked_s[0] = 1801.0
    assert watchdog.reason() == "slow_mail_stuck"


def test_a_stuck_worker_leaves_with_its_stacks_logged_even_if_nothing_can_be_handed_back(logs: CapturedLogs) -> None:
    logs.expect_errors()
    watched = Watched()
    watched.clock.advance(601)
    watched.watchdog()
    unwind()
    assert (watched.left, watched.handed_back) == ([INTERNAL], 1)
    assert "test_a_stuck_worker" in logs.named("worker_stuck")[0]["stacks"]


def test_stacks_hold_places_and_no_values() -> None:
    secret = "the secret of a mail"
    assert secret not in stacks()
    assert "test_stacks_hold_places" in stacks().split(" | ")[0]


def test_renewer_marks_what_another_worker_took() -> None:
    stream, hand = FlakyStream(), Hand()
    publish(stream, outgoing(1), outgoing(2))
    tickets = stream.read_new(CONSUMER, 2, 1)
    hand.take([*tickets, make_ticket(99)])  # a ticket that is not ours in the stream
    Renewer(stream, hand, CONSUMER)()
    assert hand.held() == tickets


def test_chores_keep_their_own_time() -> None:
    clock, done = FakeClock(), []
    maintenance = Maintenance(
        [Chore("often", 1.0, lambda: done.append("often")), Chore("rarely", 10.0, lambda: done.append("rarely"))],
        clock,
        random.Random(1),
    )
    for _ in range(100):
        maintenance()
        clock.advance(0.5)
    assert 40 <= done.count("often") <= 51
    assert 4 <= done.count("rarely") <= 7


def test_a_chore_that_fails_is_told_and_tried_again(logs: CapturedLogs) -> None:
    beats, tries = Beats(FakeClock()), []

    def fail_once() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise RedisUnavailableError("away")

    background = Background("maintain", fail_once, every_s=0.01, beats=beats)
    background.start()
    wait_until(lambda: len(tries) >= 3, what="the chore is tried again")
    assert background.stop(5.0)
    assert logs.named("background_failed")[0]["code"] == "redis_unavailable"
    assert beats.troubles() == {}


def test_trouble_is_late_at_once_and_over_with_the_next_beat() -> None:
    clock = FakeClock()
    beats = Beats(clock)
    beats.expect("read", within_s=30)
    beats.trouble("read", "redis_unavailable")
    assert set(beats.late()) == {"read"}
    clock.advance(5)
    assert beats.stillness_s("read") == 5
    beats.beat("read")
    assert beats.late() == {}
    assert beats.stillness_s("read") == 0
