"""`rules check`, and where else the command line tells of rules and tags."""

from dataclasses import replace
from pathlib import Path

import pytest

from src.cli.checks.check import State
from src.cli.checks.rules_checks import rules_checks
from src.common import exit_codes
from src.model.decision import Decision
from src.model.extraction import Scan
from tests.contracts.mail_records import added, changed, make_attachment, make_message
from tests.contracts.stream_mails import ACCOUNT
from tests.unit.cli.desk import Desk

RULES = """
[[rule]]
name = "infected mail"
when = { infected = true }
then = { tag = ["quarantine"] }
stop = true

[[rule]]
name = "of \\u001b[31m Bob"
when = { from = "bob@*" }
then = { tag = "bob" }
"""
WRONG = RULES.replace("infected =", "infectd =").replace("stop", "stpo")


@pytest.fixture
def rules_file(tmp_path: Path) -> Path:
    path = tmp_path / "rules.toml"
    path.write_text(RULES.replace("\\u001b[31m ", ""), encoding="utf-8")
    return path


def having_rules(desk: Desk, path: Path) -> Desk:
    desk.settings = desk.settings.model_copy(update={"rules_file": str(path)})
    return desk


def test_right_rules_are_shown_in_their_order(desk: Desk, rules_file: Path) -> None:
    shown = desk.run("rules", "check", str(rules_file))
    assert shown.exit_code == exit_codes.OK
    assert shown.stdout.splitlines() == [
        "rule\twhen\tthen\tstop",
        'infected mail\t{"infected":true}\t{"tag":["quarantine"]}\tyes',
        'of Bob\t{"from":"bob@*"}\t{"tag":"bob"}\tno',
    ]
    told = having_rules(desk, rules_file).json("rules", "check")
    assert told[1] == {
        "name": "of Bob",
        "when": {"from": "bob@*"},
        "then": {"tag": "bob"},
        "stop": False,
        "needs_attachments": False,
    }
    assert told[0]["needs_attachments"] is True


def test_all_that_is_wrong_is_told(desk: Desk, rules_file: Path) -> None:
    rules_file.write_text(WRONG, encoding="utf-8")
    for result in (desk.run("rules", "check", str(rules_file)), having_rules(desk, rules_file).run("rules", "check")):
        assert (result.exit_code, result.stdout) == (exit_codes.USAGE, "")
        assert "rule 1.stpo" not in result.stderr  # it has a name, which is told
        for mistake in ('"infected mail".stpo: ', '"infected mail".when.infectd: ', "rule 2.name: "):
            assert mistake in result.stderr
        assert "\x1b" not in result.stderr


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("no-such-file.toml", "cannot be read: No such file or directory: /"),
        (".", "expected a text file, found a folder"),
        ("/dev/null", "expected a text file, found a device, a pipe or the like"),
        ("bytes.toml", "not text in UTF-8"),
    ],
)
def test_what_is_no_text_file_is_refused(desk: Desk, file: str, said: str) -> None:
    Path("bytes.toml").write_bytes(b"\xff\xfe")
    for result in (desk.run("rules", "check", file), having_rules(desk, Path(file)).run("rules", "check")):
        assert result.exit_code == exit_codes.USAGE
        assert said in result.stderr


def test_a_file_with_a_byte_order_mark_is_read(desk: Desk, rules_file: Path) -> None:
    """As editors under Windows write it."""
    rules_file.write_text(rules_file.read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert desk.run("rules", "check", str(rules_file)).exit_code == exit_codes.OK


def test_without_a_file_there_is_nothing_to_check(desk: Desk) -> None:
    result = desk.run("rules", "check")
    assert result.exit_code == exit_codes.USAGE
    assert "RULES_FILE is empty" in result.stderr


def test_doctor_tells_of_the_rules(desk: Desk, rules_file: Path) -> None:
    (none,) = rules_checks(desk.settings)
    (right,) = rules_checks(having_rules(desk, rules_file).settings)
    rules_file.write_text(WRONG, encoding="utf-8")
    (wrong,) = rules_checks(desk.settings)
    rules_file.write_text(RULES.replace("true }", "1 }").replace("\\u001b[31m ", ""), encoding="utf-8")
    (single,) = rules_checks(desk.settings)
    rules_file.unlink()
    (missing,) = rules_checks(desk.settings)
    assert [check.state for check in (none, right, wrong, missing)] == [State.GREEN, State.GREEN, State.RED, State.RED]
    assert right.found == "2 rules"
    assert wrong.found.startswith("3 mistakes, the first: rule 1")
    assert single.found.startswith('1 mistake: rule 1 "infected mail".when.infected: expected true or false')
    assert missing.found == f"RULES_FILE cannot be read: No such file or directory: {rules_file}"


def test_tags_are_searched_shown_and_exported(desk: Desk) -> None:
    first = replace(added("a", account=ACCOUNT), decision=Decision(tags=("quarantine", "x"), rules=("infected mail",)))
    second = replace(added("b", account=ACCOUNT), decision=Decision(tags=("x",), rules=("another",)))
    third = added("c", account=ACCOUNT, message=make_message(body="other words"))
    assert "tags" not in desk.run("status").stdout
    desk.mails.write([first, second, third])

    assert [hit["source_id"] for hit in desk.json("search", "--tag", "quarantine")] == ["a"]
    assert [hit["source_id"] for hit in desk.json("search", "decided", "--tag", "x")] == ["b", "a"]
    assert desk.json("search", "other", "--tag", "x") == []
    assert "nothing found" in desk.run("search", "--tag", "no such tag").stderr
    assert desk.run("search").exit_code == exit_codes.USAGE
    assert "tags\tx 2, quarantine 1" in desk.run("status").stdout
    assert desk.json("status")["database"]["mails_by_tag"] == {"x": 2, "quarantine": 1}
    assert '"tags":["quarantine","x"],"rules":["infected mail"]' in desk.run("export").stdout


def test_a_stored_mail_is_asked_about(desk: Desk, rules_file: Path) -> None:
    infected = make_attachment(reason="infected", scan=Scan.INFECTED)
    desk.mails.write([added("a", account=ACCOUNT, message=make_message(attachments=[infected])), changed("stub")])
    asking = ("rules", "test", "a", "--file", str(rules_file))

    shown = desk.run(*asking)
    assert shown.stdout.splitlines() == ["rule\tmatches\tis applied", "infected mail\tyes\tyes", "of Bob\tyes\tno"]
    assert "tags: quarantine" in shown.stderr
    assert having_rules(desk, rules_file).json("rules", "test", "a") == {
        "matching": ["infected mail", "of Bob"],
        "rules": ["infected mail"],
        "tags": ["quarantine"],
    }
    for absent in ("b", "stub"):
        assert desk.run("rules", "test", absent).exit_code == exit_codes.INCOMPLETE
    assert [mail["tags"] for mail in desk.mails.export()] == [[]]
