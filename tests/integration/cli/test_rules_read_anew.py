"""Rules and mails that are read anew: a virus found later brings its tag, and rules that are gone take theirs."""

from pathlib import Path
from typing import Any

import pytest

from src.common import exit_codes
from tests.fixtures import office_files
from tests.fixtures.clamd import MARKER, ClamdServer
from tests.integration.cli.shell import Shell, mail, write_mbox
from tests.integration.cli.test_reprocess import ACCOUNT, with_file

INFECTED = """
[[rule]]
name = "infected mail"
when = { infected = true }
then = { tag = "quarantine" }
"""
UNSCANNED = """
[[rule]]
name = "not scanned"
when = { scan = "unscanned" }
then = { tag = "unscanned" }
"""


def said(shell: Shell) -> list[tuple[Any, Any]]:
    """Return the tags and rules of each mail, in the order of the file."""
    mails = sorted(shell.json_lines("export"), key=lambda one: str(one["subject"]))
    return [(one["tags"], one["rules"]) for one in mails]


@pytest.fixture
def stored(shell: Shell, clamd: ClamdServer) -> tuple[Shell, tuple[str, ...]]:
    """Three mails, stored while the scanner was away: one plain, one with a virus in a file, one with it in a ZIP."""
    mails = [
        mail(1),
        with_file(2, "a.bin", MARKER),
        with_file(3, "b.zip", office_files.zipped({"c/d.txt": MARKER})),
    ]
    path = write_mbox(shell.folder / "old.mbox", mails)
    rules = shell.folder / "rules.toml"
    rules.write_text(INFECTED + UNSCANNED, encoding="utf-8")
    having = shell.having(CLAMAV_SOCKET=clamd.socket, CLAMAV_WHEN_DOWN="go_on", RULES_FILE=str(rules))
    clamd.stop()
    having.cli("import", "mbox", str(path), "--account", ACCOUNT)
    having.drain()
    assert said(having) == [([], []), (["unscanned"], ["not scanned"]), (["unscanned"], ["not scanned"])]
    clamd.start()
    return having, ("--account", ACCOUNT, "--mbox", str(path))


def reprocess(shell: Shell, origin: tuple[str, ...], reason: str) -> None:
    assert shell.json("attachments", "reprocess", "--reason", reason, *origin)["published"] == 2
    shell.drain()


def test_a_virus_that_is_found_when_read_anew_brings_its_tag(
    stored: tuple[Shell, tuple[str, ...]], clamd: ClamdServer
) -> None:
    shell, origin = stored
    infected = (["quarantine"], ["infected mail"])

    reprocess(shell, origin, "unscanned")
    assert said(shell) == [([], []), infected, infected]
    assert len(shell.json("search", "--tag", "quarantine")) == 2
    assert "tags\tquarantine 2" in shell.cli("status").stdout
    assert shell.cli("verify", *origin).stdout.splitlines()[-1].startswith("complete: ")

    clamd.stop()  # what it found counts until it says otherwise, whatever a worker finds without it
    reprocess(shell, origin, "infected")
    assert said(shell) == [([], []), infected, infected]


def test_tags_of_rules_that_are_gone_go_when_the_mail_is_fetched_anew(stored: tuple[Shell, tuple[str, ...]]) -> None:
    shell, origin = stored
    rules = Path(shell.settings["RULES_FILE"])
    rules.write_text(INFECTED.replace("quarantine", "virus"), encoding="utf-8")

    reprocess(shell, origin, "unscanned")
    assert said(shell) == [([], []), *[(["virus"], ["infected mail"])] * 2]

    reprocess(shell.having(RULES_FILE=""), origin, "infected")  # nothing is decided
    assert said(shell) == [([], []), *[(["virus"], ["infected mail"])] * 2]

    rules.write_text("", encoding="utf-8")
    reprocess(shell, origin, "infected")
    assert said(shell) == [([], [])] * 3


def test_an_import_with_a_worker_does_not_begin_with_wrong_rules(shell: Shell) -> None:
    rules = shell.folder / "rules.toml"
    rules.write_text("[[rule]]\n", encoding="utf-8")
    path = write_mbox(shell.folder / "old.mbox", [mail(1)])

    importing = ("import", "mbox", str(path), "--account", ACCOUNT, "--with-worker")
    told = shell.having(RULES_FILE=str(rules)).cli(*importing, expect=exit_codes.USAGE)

    assert "rule 1.name: expected some text" in told.stderr
    assert not (shell.folder / "redis").exists()
