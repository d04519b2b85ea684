"""A dry run shows what would be published, and touches nothing."""

import io

import pytest
from rich.console import Console

from config.settings import SettingsError
from src.common import exit_codes
from src.common.errors import IngestError, LoginRefusedError, SourceUnavailableError
from src.common.shutdown import Shutdown
from src.model.cursor import Cursor
from src.model.envelope import Kind
from src.producer.dry_run import Reading, dry_run, look
from src.sources.source import Source
from tests.unit.producer.scripted_source import ACCOUNT, ScriptedSource


def reading(*sources: Source, account: str = ACCOUNT) -> Reading:
    return Reading(account, "INBOX", lambda: sources)


def from_the_start(_account: str, _mailbox: str) -> Cursor:
    return Cursor()


def test_it_counts_from_the_stored_cursor_to_the_end() -> None:
    source = ScriptedSource(10)
    found = look(source, Cursor({"last_uid": "4"}), shutdown=Shutdown())
    assert (found.counts[Kind.ADDED], found.error, source.is_closed) == (6, "", True)


def test_the_tables_name_mailboxes_and_mails() -> None:
    told = io.StringIO()
    console = Console(file=told, width=160)
    code = dry_run([reading(ScriptedSource(20))], from_the_start, shutdown=Shutdown(), console=console)
    assert code == exit_codes.OK
    assert "INBOX" in told.getvalue()
    assert "INBOX\t20\t0\t" in told.getvalue()
    assert "nothing was changed" in told.getvalue()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LoginRefusedError("the server refuses the password"), exit_codes.OPERATOR_NEEDED),
        (SourceUnavailableError("the server does not answer"), exit_codes.UNAVAILABLE),
    ],
)
def test_an_error_is_told_and_decides_the_exit_code(error: IngestError, code: int) -> None:
    told = io.StringIO()
    sources = [ScriptedSource(5, errors=[error]), ScriptedSource(2)]
    console = Console(file=told, width=200)
    assert dry_run([reading(*sources)], from_the_start, shutdown=Shutdown(), console=console) == code
    assert error.code in told.getvalue()


def told_of(*readings: Reading) -> tuple[int, str]:
    told = io.StringIO()
    code = dry_run(readings, from_the_start, shutdown=Shutdown(), console=Console(file=told, width=200))
    return code, told.getvalue()


def refused(error: Exception) -> Reading:
    def opens() -> list[Source]:
        raise error

    return Reading("ada@example.org", "special-use", opens)


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ([LoginRefusedError("no")], exit_codes.OPERATOR_NEEDED),
        ([SourceUnavailableError("cut")], exit_codes.UNAVAILABLE),
        ([SettingsError("a wrong setting")], exit_codes.USAGE),
        ([SourceUnavailableError("cut"), SettingsError("a wrong setting")], exit_codes.INCOMPLETE),
        ([SourceUnavailableError("cut"), LoginRefusedError("no")], exit_codes.OPERATOR_NEEDED),
    ],
)
def test_of_several_accounts_one_that_cannot_be_opened_is_told_and_the_others_are_shown(
    errors: list[IngestError | SettingsError], code: int
) -> None:
    source = ScriptedSource(20, account="bob@example.com")
    ended, told = told_of(*map(refused, errors), reading(source, account="bob@example.com"))
    assert ended == code
    for error in errors:
        assert f"ada@example.org special-use: not read to its end: {error} [{error.code}]" in told
    assert "bob@example.com INBOX\t20\t0\t" in told
    assert source.is_closed


def test_what_keeps_the_only_account_from_being_opened_is_raised() -> None:
    with pytest.raises(LoginRefusedError):
        told_of(refused(LoginRefusedError("no")))
