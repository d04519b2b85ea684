"""A dry run shows what would be published, and touches nothing."""

import io

from rich.console import Console

from src.common.errors import LoginRefusedError
from src.common.shutdown import Shutdown
from src.model.cursor import Cursor
from src.model.envelope import Kind
from src.producer.dry_run import dry_run, look
from tests.unit.producer.scripted_source import ScriptedSource


def test_it_counts_from_the_stored_cursor_to_the_end() -> None:
    source = ScriptedSource(10)
    found = look(source, Cursor({"last_uid": "4"}), shutdown=Shutdown())
    assert (found.counts[Kind.ADDED], found.error, source.is_closed) == (6, "", True)


def test_the_tables_name_mailboxes_and_mails() -> None:
    told = io.StringIO()
    console = Console(file=told, width=160)
    is_whole = dry_run([ScriptedSource(20)], lambda _account, _mailbox: Cursor(), shutdown=Shutdown(), console=console)
    assert is_whole
    assert "INBOX" in told.getvalue()
    assert " 20 " in told.getvalue()
    assert "nothing was changed" in told.getvalue()


def test_an_error_is_part_of_the_table_and_of_the_answer() -> None:
    told = io.StringIO()
    sources = [ScriptedSource(5, errors=[LoginRefusedError("the server refuses the password")]), ScriptedSource(2)]
    is_whole = dry_run(sources, lambda _a, _m: Cursor(), shutdown=Shutdown(), console=Console(file=told, width=200))
    assert not is_whole
    assert "login_refused" in told.getvalue()
