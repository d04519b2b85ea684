"""GoodNews: what the log says of a mailbox that is well, so that nobody has to wonder whether it is read at all.

`mailbox_caught_up` when it was read to its end for the first time, and when it brought something since; while a long
poll is under way `mailbox_reading`, with what is left. Counts only, and few lines: each mailbox has one a minute, all
of a producer together `MOST_LINES`. What is not said is counted in the next line, so the lines add up.
"""

import threading
from collections import deque
from dataclasses import replace

from src.common.clock import Clock
from src.common.logs import account_tag, get_logger
from src.producer.board import Board, MailboxName, MailboxReport
from src.producer.pace import Left

log = get_logger(__name__)

LINE_EVERY_S = 60.0  # of one mailbox
MOST_LINES = 5  # of all mailboxes in `LINE_EVERY_S`: as many as `log_limit.py` lets through of one account


class SharedLines:
    """How many lines all mailboxes of a producer have. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._taken: deque[float] = deque(maxlen=MOST_LINES)  # when, monotonic

    def take(self) -> bool:
        """Take one, if there is one."""
        with self._lock:
            now = self._clock.monotonic()
            if len(self._taken) == MOST_LINES and now - self._taken[0] < LINE_EVERY_S:
                return False
            self._taken.append(now)
            return True


class GoodNews:
    """The news of one mailbox. For one thread."""

    def __init__(self, name: MailboxName, board: Board, lines: SharedLines, clock: Clock) -> None:
        self._name = name
        self._board = board
        self._lines = lines
        self._clock = clock
        self._began_at = float("-inf")  # the poll under way, monotonic
        self._said_at = float("-inf")  # the last line
        self._told = MailboxReport(name)  # as it was then
        self._was_caught_up = False

    def begin(self) -> None:
        """Say that a poll begins."""
        self._began_at = self._clock.monotonic()

    def reading(self, left: Left | None) -> None:
        """Say how far a poll is, unless it began, or a line was written, lately.

        None: nobody knows what is left, as while all is compared; then only what is new is said.
        """
        is_news = left is not None or self._has_brought()
        if not is_news or not self._is_due(max(self._began_at, self._said_at)) or not self._lines.take():
            return
        done = self._done_since_line()
        log.info(
            "mailbox_reading",
            account=account_tag(self._name.account),
            mailbox=account_tag(self._name.mailbox),
            source=self._name.kind,
            published=done.published,
            repeated=done.repeated,
            dead=done.dead,
            left=left.mails if left else None,
            eta_s=round(left.seconds) if left and left.seconds is not None else None,
        )

    def caught_up(self) -> None:
        """Say that the mailbox was read to its end, if that is news."""
        if not self._is_news() or not self._lines.take():
            return
        self._was_caught_up = True
        done = self._done_since_line()
        log.info(
            "mailbox_caught_up",
            account=account_tag(self._name.account),
            mailbox=account_tag(self._name.mailbox),
            source=self._name.kind,
            published=done.published,
            repeated=done.repeated,
            dead=done.dead,
        )

    def _is_due(self, since: float) -> bool:
        return self._clock.monotonic() - since >= LINE_EVERY_S

    def _has_brought(self) -> bool:
        now = self._board.report(self._name)
        return (now.published, now.dead) != (self._told.published, self._told.dead)

    def _is_news(self) -> bool:
        return not self._was_caught_up or (self._has_brought() and self._is_due(self._said_at))

    def _done_since_line(self) -> MailboxReport:
        """Return the counts since the line before; this line tells them."""
        now, before = self._board.report(self._name), self._told
        self._told, self._said_at = now, self._clock.monotonic()
        return replace(
            now,
            published=now.published - before.published,
            repeated=now.repeated - before.repeated,
            dead=now.dead - before.dead,
        )
