"""`docs/commands.md` names every command and option, and tells what `--json` prints."""

from pathlib import Path
from typing import Any

import pytest

from scripts.commands_page import JSON_FIELDS, commands_page, walk
from tests.contracts.mail_records import added
from tests.contracts.stream_mails import ACCOUNT, outgoing, publish
from tests.unit.cli.desk import Desk

ROOT = Path(__file__).resolve().parents[3]
COMMANDS = dict(walk())


def test_the_page_is_what_the_commands_say() -> None:
    written = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert written == commands_page(), "docs/commands.md is out of date: run `make docs`"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_a_meaning(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    for parameter in command.params:
        assert parameter.help, f"{name} {parameter.name} says nothing"


@pytest.mark.parametrize("name", COMMANDS)
def test_what_can_print_json_says_which(name: str) -> None:
    can = any("--json" in parameter.opts for parameter in COMMANDS[name].params)
    assert can is (name in JSON_FIELDS)


@pytest.mark.parametrize("name", [name for name in JSON_FIELDS if not name.startswith(("import", "doctor"))])
def test_json_holds_just_the_documented_fields(desk: Desk, name: str) -> None:
    desk.mails.write([added(account=ACCOUNT)])
    desk.source.uids = [1]
    publish(desk.memory, outgoing(2, dead_code="mail_too_large"))
    entry_id = desk.memory.list_dead()[0].entry_id
    rules = Path("rules.toml")
    rules.write_text('[[rule]]\nname = "a"\nwhen = { infected = true }\nthen = { tag = "b" }\n', encoding="utf-8")
    more = {
        "search": ["nothing"],
        "dlq show": [entry_id],
        "attachments reprocess": ["--outdated"],
        "rules check": [str(rules)],
        "rules test": ["INBOX/1/1", "--file", str(rules)],
    }
    printed: Any = desk.json(*name.split(), *more.get(name, []))
    (told,) = printed if isinstance(printed, list) else [printed]
    assert set(told) == set(JSON_FIELDS[name][1])
