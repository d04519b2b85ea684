"""The bar knows how much there is, and says why it stands still."""

import io
from dataclasses import replace

import pytest
from rich.console import Console
from rich.progress import Progress, TaskID

from src.producer.board import Board, MailboxName, State
from src.producer.progress import (
    NO_ROOM_HINT,
    STANDBY_HINT,
    label_of,
    printable,
    refresh,
    said_of,
    say_published,
    shown,
    total_of,
)

NAME = MailboxName("alice@example.org", "Work", "mbox")


def board_with(remaining: int | None, state: State = State.READING) -> Board:
    board = Board()
    board.enter(NAME)
    board.set(NAME, state)
    board.count(NAME, published=30, repeated=5, dead=1, remaining=remaining)
    return board


def test_the_total_is_what_was_done_and_what_is_left() -> None:
    assert total_of(board_with(64).report(NAME)) == 100
    assert total_of(board_with(None).report(NAME)) is None
    assert total_of(board_with(7, State.CAUGHT_UP).report(NAME)) == 36


@pytest.mark.parametrize(("state", "hint"), [(State.NO_ROOM, NO_ROOM_HINT), (State.STANDBY, STANDBY_HINT)])
def test_what_is_waited_for_is_told_once_even_without_a_terminal(state: State, hint: str) -> None:
    board = board_with(64, state)
    told = io.StringIO()
    with shown(board, Console(file=told)):
        pass
    assert told.getvalue().split() == hint.split()
    assert said_of(board.report(NAME)) == hint


def test_on_a_terminal_the_mailbox_and_its_count_are_shown() -> None:
    told = io.StringIO()
    with shown(board_with(0, State.CAUGHT_UP), Console(file=told, force_terminal=True, width=120)):
        pass
    assert "Work" in told.getvalue()
    assert "36 mails" in told.getvalue()
    assert "done" in told.getvalue()


def test_names_cannot_move_the_cursor_of_a_terminal() -> None:
    assert printable("a\x1b[2Jb\n") == "a�[2Jb�"


def test_mailboxes_bear_their_account_where_there_are_several() -> None:
    board = board_with(0)
    assert label_of(board.report(NAME), board.reports()) == "Work"
    board.enter(replace(NAME, mailbox="INBOX"))
    assert label_of(board.report(NAME), board.reports()) == "Work"
    board.enter(replace(NAME, account="bob@example.com"))
    assert label_of(board.report(NAME), board.reports()) == "alice@example.org Work"


def test_an_account_that_was_opened_gives_its_bar_to_its_mailboxes() -> None:
    progress, tasks, board = Progress(), dict[MailboxName, TaskID](), board_with(0)
    opening = replace(NAME, mailbox="special-use")
    board.enter(opening)
    refresh(progress, tasks, board)
    assert [task.description for task in progress.tasks] == ["Work", "special-use"]
    board.leave(opening)
    refresh(progress, tasks, board)
    assert [task.description for task in progress.tasks] == ["Work"]


def test_the_time_left_is_named_only_when_it_is_known() -> None:
    told = io.StringIO()
    with shown(board_with(None), Console(file=told, force_terminal=True, width=120)):
        pass
    assert "ETA" not in told.getvalue()


def test_the_end_says_how_many_mails_were_published_in_a_pipe_too() -> None:
    told = io.StringIO()
    say_published(board_with(0).reports(), Console(file=told))
    assert told.getvalue() == "30 mails published; 5 were there already\n"
