"""The progress of a catch-up on a terminal: a bar for each mailbox, with what is left and how long that may take.

Looks at the board from a thread of its own, so that showing never slows publishing. Without a terminal only hints are
printed: what it waits for that an operator can end. Names of mailboxes are the user's own and may be shown here; none
goes to the log.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from src.producer.board import Board, MailboxName, MailboxReport, State

REFRESH_S = 0.2  # quick enough to look alive
NO_ROOM_HINT = "the stream is full: waiting for workers. Start one with `python worker.py`"
STANDBY_HINT = "another producer reads this mailbox: waiting for it to end. Stop it, and this one goes on"

_SAID: dict[State, str] = {
    State.STARTING: "starting",
    State.READING: "",
    State.NO_ROOM: NO_ROOM_HINT,
    State.CAUGHT_UP: "done",
    State.STANDBY: STANDBY_HINT,
    State.BACKING_OFF: "failed, trying again",
    State.BLOCKED: "failed",
    State.BROKEN: "ended by a fault of this program",
    State.STOPPED: "stopped",
}

_HINTS = {State.NO_ROOM: NO_ROOM_HINT, State.STANDBY: STANDBY_HINT}


@contextmanager
def shown(board: Board, console: Console) -> Iterator[None]:
    """Show the board until the block ends."""
    if not console.is_terminal:
        with _hinting(board, console):
            yield
        return
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed} mails", markup=False),
        TimeElapsedColumn(),
        _TimeLeft(),
        TextColumn("{task.fields[said]}", markup=False),
        console=console,
    )
    tasks: dict[MailboxName, TaskID] = {}
    with progress, _every(REFRESH_S, lambda: refresh(progress, tasks, board)):
        yield


class _TimeLeft(TimeRemainingColumn):
    """How long it may take: nothing as long as nobody knows."""

    def render(self, task: Task) -> Text:
        """Return it with its name, or nothing."""
        if task.finished or task.time_remaining is None:
            return Text("")
        return Text("ETA ").append_text(super().render(task))


def refresh(progress: Progress, tasks: dict[MailboxName, TaskID], board: Board) -> None:
    """Bring the bars up to date; `tasks` holds the bar of each mailbox."""
    reports = board.reports()
    for name in tasks.keys() - {report.name for report in reports}:  # opened: its mailboxes have bars of their own
        progress.remove_task(tasks.pop(name))
    for report in reports:
        if report.name not in tasks:
            tasks[report.name] = progress.add_task(label_of(report, reports), total=None, said="")
        done = report.published + report.repeated + report.dead
        progress.update(tasks[report.name], completed=done, total=total_of(report), said=said_of(report))


def total_of(report: MailboxReport) -> int | None:
    """Return how many mails there are in all, for the bar; None while nobody knows."""
    done = report.published + report.repeated + report.dead
    if report.state is State.CAUGHT_UP:
        return done
    return None if report.remaining is None else done + report.remaining


def said_of(report: MailboxReport) -> str:
    """Return what to say beside the bar."""
    said = _SAID[report.state]
    return f"{said} [{report.error_code}]" if report.error_code else said


@contextmanager
def _hinting(board: Board, console: Console) -> Iterator[None]:
    """Without a terminal, say once each what is waited for: a command that stands still must say why."""
    left = dict(_HINTS)

    def look() -> None:
        for state in {report.state for report in board.reports()} & left.keys():
            console.print(left.pop(state), markup=False, soft_wrap=True)

    with _every(REFRESH_S, look):
        yield


@contextmanager
def _every(seconds: float, call: Callable[[], None]) -> Iterator[None]:
    ending = threading.Event()

    def run() -> None:
        while not ending.wait(seconds):
            call()

    thread = threading.Thread(target=run, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()
        call()


def say_published(reports: Sequence[MailboxReport], console: Console) -> None:
    """Say how much of all mailboxes was put on the stream, on a terminal or not."""
    published = sum(report.published for report in reports)
    repeated = sum(report.repeated for report in reports)
    there = f"; {repeated} were there already" if repeated else ""
    console.print(Text(f"{published} mails published{there}"), soft_wrap=True)


def say_left_behind(reports: Sequence[MailboxReport], console: Console) -> None:
    """Say of each mailbox that was not read to its end why that is, and of mails that could not be had."""
    for report in reports:
        name = label_of(report, reports)
        if report.is_left_behind:
            text = (
                f"{name}: left behind, {report.state.value.replace('_', ' ')}: {report.error or 'not read to its end'}"
            )
            where = f" [{report.error_code}] see docs/runbooks/{report.error_code}.md" if report.error_code else ""
            console.print(Text(text + where), soft_wrap=True)
        elif report.dead:
            text = f"{name}: {report.dead} mails went to the dead letters: see `python -m src.cli dlq list`"
            console.print(Text(text), soft_wrap=True)


def label_of(report: MailboxReport, reports: Iterable[MailboxReport]) -> str:
    """Return what a mailbox is called for people: with its account where there are several."""
    is_alone = all(other.name.account == report.name.account for other in reports)
    return printable(report.name.mailbox if is_alone else f"{report.name.account} {report.name.mailbox}")


def printable(text: str) -> str:
    """Return `text` without what could move a terminal's cursor."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
