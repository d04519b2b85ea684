"""`dlq`: what is dead can be seen, saved, replayed and deleted, and nothing happens by mistake."""

import stat
from pathlib import Path

import pytest

from src.common import exit_codes
from tests.contracts.stream_mails import ACCOUNT, outgoing, publish, raw_of
from tests.unit.cli.desk import Desk

NO_SUCH = "1-1"


def bury(desk: Desk, *uids: int, code: str = "mail_too_large") -> list[str]:
    publish(desk.memory, *(outgoing(uid, raw=raw_of(uid), dead_code=code) for uid in uids))
    return [letter.entry_id for letter in desk.memory.list_dead()]


def test_lists_with_code_account_and_reason(desk: Desk) -> None:
    bury(desk, 1, 2)
    bury(desk, 3, code="mail_unparsable")
    assert [letter["code"] for letter in desk.json("dlq", "list")] == ["mail_too_large"] * 2 + ["mail_unparsable"]
    assert len(desk.json("dlq", "list", "--code", "mail_unparsable")) == 1
    assert len(desk.json("dlq", "list", "--account", ACCOUNT)) == 3
    assert desk.json("dlq", "list", "--account", "nobody@example.org") == []
    assert len(desk.json("dlq", "list", "--limit", "2")) == 2
    lines = desk.run("dlq", "list").stdout.splitlines()
    assert lines[0].split("\t")[:3] == ["id", "died", "code"]
    assert "mail 1" in lines[1]


def test_show_tells_all_and_saves_the_raw_mail_for_us_alone(desk: Desk, tmp_path: Path) -> None:
    (entry_id,) = bury(desk, 1)
    target = tmp_path / "dead.eml"
    result = desk.run("dlq", "show", entry_id, "--raw", str(target))
    assert result.exit_code == exit_codes.OK
    assert "docs/runbooks/mail_too_large.md" in result.stderr
    assert target.read_bytes() == raw_of(1)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert desk.run("dlq", "show", entry_id, "--raw", "-").stdout_bytes == raw_of(1)
    assert desk.json("dlq", "show", entry_id)["payload"]["subject"] == "mail 1"


def test_show_does_not_replace_a_file(desk: Desk, tmp_path: Path) -> None:
    (entry_id,) = bury(desk, 1)
    target = tmp_path / "precious.txt"
    target.write_text("precious")
    result = desk.run("dlq", "show", entry_id, "--raw", str(target))
    assert result.exit_code == exit_codes.OPERATOR_NEEDED
    assert target.read_text() == "precious"


def test_replay_one_puts_it_back_once(desk: Desk) -> None:
    first, second = bury(desk, 1, 2)
    assert desk.run("dlq", "replay", first).exit_code == exit_codes.OK
    assert [letter.entry_id for letter in desk.memory.list_dead()] == [second]
    assert desk.memory.stats().waiting == 1
    again = desk.run("dlq", "replay", first)
    assert again.exit_code == exit_codes.INCOMPLETE
    assert desk.memory.stats().waiting == 1


@pytest.mark.parametrize("by_id", [True, False])
def test_a_dead_letter_without_a_raw_mail_stays_and_it_is_said_what_to_do(desk: Desk, *, by_id: bool) -> None:
    bury(desk, 1)
    publish(desk.memory, outgoing(2, dead_code="mail_unfetchable"))
    kept, unfetchable = (letter.entry_id for letter in desk.memory.list_dead())
    result = desk.run("dlq", "replay", *((kept, unfetchable) if by_id else ("--all",)))
    assert result.exit_code == exit_codes.INCOMPLETE
    assert "1 put back" in result.stderr
    assert "1 without a raw mail" in result.stderr
    assert "name no dead letter" not in result.stderr
    assert [letter.entry_id for letter in desk.memory.list_dead()] == [unfetchable]


def test_replay_all_of_a_code(desk: Desk) -> None:
    bury(desk, 1, 2)
    bury(desk, 3, code="mail_unparsable")
    assert desk.run("dlq", "replay", "--code", "mail_too_large").exit_code == exit_codes.OK
    assert [letter.code for letter in desk.memory.list_dead()] == ["mail_unparsable"]


def test_replay_all_even_if_there_are_thousands(desk: Desk) -> None:
    bury(desk, *range(1, 1200))
    assert desk.run("dlq", "replay", "--all").exit_code == exit_codes.OK
    assert desk.memory.stats().dead == 0
    assert desk.memory.stats().waiting == 1199


def test_purge_asks_and_does_nothing_where_nobody_can_answer(desk: Desk) -> None:
    bury(desk, 1)
    result = desk.run("dlq", "purge", "--all", typed="y\n")  # typed into a pipe is not an answer of a person
    assert result.exit_code == exit_codes.INCOMPLETE
    assert "--yes" in result.stderr
    assert desk.memory.stats().dead == 1


def test_purge_with_yes_deletes_for_good(desk: Desk) -> None:
    first, second = bury(desk, 1, 2)
    assert desk.run("dlq", "purge", first, "--yes").exit_code == exit_codes.OK
    assert [letter.entry_id for letter in desk.memory.list_dead()] == [second]
    assert desk.run("dlq", "purge", "--all", "--yes").exit_code == exit_codes.OK
    assert desk.memory.stats().dead == 0


@pytest.mark.parametrize("command", ["replay", "purge"])
@pytest.mark.parametrize(
    "arguments",
    [
        [],  # which ones?
        ["1-1", "--all"],  # both
        ["1-1", "--code", "x"],  # both
        ["everything"],  # no id
        ["1-1", "; rm -rf"],  # one of them no id
    ],
)
def test_a_call_that_may_be_a_mistake_does_nothing(desk: Desk, command: str, arguments: list[str]) -> None:
    bury(desk, 1)
    result = desk.run("dlq", command, *arguments)
    assert result.exit_code == exit_codes.USAGE
    assert desk.memory.stats().dead == 1


def test_what_is_not_there_is_told(desk: Desk) -> None:
    assert desk.run("dlq", "show", NO_SUCH).exit_code == exit_codes.INCOMPLETE
    assert desk.run("dlq", "replay", NO_SUCH).exit_code == exit_codes.INCOMPLETE
    assert desk.run("dlq", "list").exit_code == exit_codes.OK
    assert desk.run("dlq", "replay", "--all").exit_code == exit_codes.OK


def test_without_redis_it_says_so(desk: Desk) -> None:
    desk.is_redis_away = True
    for arguments in (["list"], ["show", NO_SUCH], ["replay", "--all"], ["purge", "--all", "--yes"]):
        result = desk.run("dlq", *arguments)
        assert result.exit_code == exit_codes.UNAVAILABLE
        assert "redis_unavailable" in result.stderr
