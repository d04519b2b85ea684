"""What the log says while all is well: few lines, and their counts add up to what was done."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from src.common import log_limit
from src.common.beats import Beats
from src.common.clock import SystemClock
from src.common.logs import account_tag
from src.common.shutdown import Shutdown
from src.producer.board import Board, MailboxName, State
from src.producer.build import ProducerOptions, build
from src.producer.good_news import LINE_EVERY_S, MOST_LINES, GoodNews, SharedLines
from src.producer.pace import Left
from src.stream.memory.stream import MemoryStream
from tests.fakes.clock import FakeClock
from tests.fixtures.logs import CapturedLogs
from tests.fixtures.services import wait_until
from tests.unit.producer.scripted_source import ScriptedSource

NAME = MailboxName("alice@example.org", "INBOX", "gmail")


class Desk:
    """Some mailboxes of one producer."""

    def __init__(self, *names: MailboxName) -> None:
        self.clock = FakeClock()
        self.board = Board()
        lines = SharedLines(self.clock)
        for name in names:
            self.board.enter(name)
        self.news = [GoodNews(name, self.board, lines, self.clock) for name in names]

    def bring(self, mails: int, *, dead: int = 0, mailbox: int = 0) -> None:
        name = self.board.reports()[mailbox].name
        self.board.count(name, published=mails, repeated=0, dead=dead, remaining=None)


def test_the_first_time_is_said_and_after_that_only_what_was_brought(logs: CapturedLogs) -> None:
    desk = Desk(NAME)
    (news,) = desk.news
    for brought in (0, 0, 3, 0):
        desk.clock.advance(LINE_EVERY_S)
        news.begin()
        desk.bring(brought)
        news.caught_up()
    assert [(line["published"], line["level"]) for line in logs.events] == [(0, "info"), (3, "info")]
    first = logs.named("mailbox_caught_up")[0]
    assert (first["account"], first["mailbox"]) == (account_tag(NAME.account), account_tag(NAME.mailbox))
    assert (first["source"], first["dead"]) == ("gmail", 0)


def test_dead_mails_are_news(logs: CapturedLogs) -> None:
    desk = Desk(NAME)
    (news,) = desk.news
    news.caught_up()
    desk.clock.advance(LINE_EVERY_S)
    desk.bring(0, dead=1)
    news.caught_up()
    assert [line["dead"] for line in logs.events] == [0, 1]


def test_a_long_poll_says_how_far_it_is_once_a_minute(logs: CapturedLogs) -> None:
    desk = Desk(NAME)
    (news,) = desk.news
    news.begin()
    for second in range(200):
        desk.bring(2)
        news.reading(Left(1000 - second, None if second < 100 else 12.34))
        desk.clock.advance(1.0)
    said = logs.named("mailbox_reading")
    assert [(line["published"], line["left"], line["eta_s"]) for line in said] == [
        (122, 940, None),
        (120, 880, 12),
        (120, 820, 12),
    ]


def test_a_long_poll_of_which_nobody_knows_what_is_left_says_what_it_brings(logs: CapturedLogs) -> None:
    desk = Desk(NAME)
    desk.news[0].begin()
    desk.clock.advance(2 * LINE_EVERY_S)
    desk.news[0].reading(None)
    assert logs.events == []
    desk.bring(3)
    desk.news[0].reading(None)
    assert [(line["published"], line["left"], line["eta_s"]) for line in logs.events] == [(3, None, None)]


@given(polls=st.lists(st.tuples(st.integers(0, 7), st.floats(0.0, 40.0), st.integers(0, 3)), max_size=200))
@settings(max_examples=60, deadline=None)
def test_however_many_mailboxes_and_pushes_the_lines_are_few_and_add_up(polls: list[tuple[int, float, int]]) -> None:
    desk = Desk(*(MailboxName(f"user{number}@example.org", "Gmail", "gmail") for number in range(8)))
    said_at: list[float] = []
    brought = 0
    with capture_logs() as lines:
        for mailbox, wait_s, mails in [*polls, *((mailbox, LINE_EVERY_S, 0) for mailbox in [*range(8)] * 3)]:
            desk.clock.advance(wait_s)
            desk.bring(mails, mailbox=mailbox)
            brought += mails
            desk.news[mailbox].caught_up()
            said_at += [desk.clock.monotonic()] * (len(lines) - len(said_at))
    assert sum(line["published"] for line in lines) == brought
    assert all(sum(at <= other < at + LINE_EVERY_S for other in said_at) <= MOST_LINES for at in said_at)


def test_the_bound_of_all_lines_leaves_none_of_these_out() -> None:
    assert MOST_LINES <= log_limit.MOST_LINES
    assert LINE_EVERY_S >= log_limit.WINDOW_S


@pytest.mark.parametrize("once", [False, True], ids=["running", "once"])
def test_a_running_producer_says_it_and_once_the_bar_does(logs: CapturedLogs, once: bool) -> None:
    clock, shutdown = SystemClock(), Shutdown()
    producer = build(
        [ScriptedSource(7)],
        options=ProducerOptions(once=once),
        stream=MemoryStream(),
        states=None,
        shutdown=shutdown,
        beats=Beats(clock),
        clock=clock,
    )
    running = threading.Thread(target=producer.run)
    running.start()
    wait_until(lambda: producer.board.reports()[0].state is State.CAUGHT_UP, what="the mailbox to be read")
    wait_until(lambda: once or bool(logs.named("mailbox_caught_up")), what="the line")
    shutdown.ask()
    running.join(10.0)
    said = [(line["source"], line["published"]) for line in logs.named("mailbox_caught_up")]
    assert said == ([] if once else [("scripted", 7)])
