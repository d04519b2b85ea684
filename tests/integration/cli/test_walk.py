"""A user's walk through the commands, from a file to the proof."""

import hashlib
import json
import sqlite3
import subprocess
import sys

import pytest

from src.common import exit_codes
from tests.integration.cli.shell import ROOT, Shell, mail, write_mbox

ACCOUNT = "archive"
MIB = 1024 * 1024
CLI = ("-m", "src.cli")


@pytest.mark.timeout(300)  # a dozen processes, one after the other: a second each, or several on a busy machine
def test_every_command_as_a_process_of_its_own(shell: Shell) -> None:
    big = mail(4, size_bytes=MIB + MIB // 8)
    path = str(write_mbox(shell.folder / "old.mbox", [*map(mail, (1, 2, 3)), big]))
    origin = ("--account", ACCOUNT, "--mbox", path)

    lowered = shell.having(MAX_MAIL_BYTES=str(MIB))
    importing = (*CLI, "import", "mbox", path, "--account", ACCOUNT, "--with-worker", "--json")
    (told,) = json.loads(lowered.process(*importing, expect=exit_codes.INCOMPLETE).stdout)
    assert (told["state"], told["published"], told["dead"]) == ("caught_up", 3, 1)

    status = json.loads(shell.process(*CLI, "status", "--json").stdout)
    assert (status["database"]["mails"], status["redis"]["dead_by_code"]) == (3, {"mail_too_large": 1})
    assert "walnut2" in shell.process(*CLI, "search", "walnut2").stdout

    (letter,) = json.loads(shell.process(*CLI, "dlq", "list", "--json").stdout)
    shell.process(*CLI, "dlq", "show", letter["entry_id"], "--raw", str(shell.folder / "dead.eml"))
    assert hashlib.sha256((shell.folder / "dead.eml").read_bytes()).digest() == hashlib.sha256(big).digest()
    shell.process(*CLI, "dlq", "replay", letter["entry_id"])
    assert len(shell.json("verify", *origin, expect=exit_codes.INCOMPLETE)["waiting"]) == 1
    shell.process(str(ROOT / "worker.py"), "--drain")
    assert shell.process(*CLI, "verify", *origin).stdout.splitlines()[-1].startswith("complete: ")

    exported = [json.loads(line) for line in shell.process(*CLI, "export").stdout.splitlines()]
    wanted = {hashlib.sha256(one).hexdigest() for one in (*map(mail, (1, 2, 3)), big)}
    assert {one["sha256"] for one in exported} == wanted
    shell.process(*CLI, "dlq", "purge", "--all", "--yes")
    assert "redis" in shell.process(*CLI, "doctor").stdout


def test_a_dead_letter_is_accounted_for_but_not_complete(shell: Shell) -> None:
    path = str(write_mbox(shell.folder / "old.mbox", [mail(1), mail(2, size_bytes=MIB + MIB // 8)]))
    origin = ("--account", ACCOUNT, "--mbox", path)
    shell.having(MAX_MAIL_BYTES=str(MIB)).cli(
        "import", "mbox", path, "--account", ACCOUNT, expect=exit_codes.INCOMPLETE
    )
    shell.drain()
    proof = shell.json("verify", *origin, expect=exit_codes.INCOMPLETE)
    assert (proof["stored"], len(proof["dead"]), proof["missing"]) == (1, 1, [])
    shell.cli("verify", *origin, "--accept-dead")


def test_a_dry_run_changes_nothing(shell: Shell) -> None:
    path = write_mbox(shell.folder / "old.mbox", [mail(1)])
    said = shell.cli("import", "mbox", str(path), "--account", ACCOUNT, "--dry-run")
    assert "mail 1" in said.stdout
    assert not (shell.folder / "mail.db").exists()
    status = shell.json("status", expect=exit_codes.UNAVAILABLE)  # there is no database yet
    assert "no database yet" in status["database"]["message"]
    assert not (shell.folder / "mail.db").exists()
    assert (status["redis"]["waiting"], status["redis"]["counters"].get("published", 0)) == (0, 0)


def test_verify_finds_what_was_lost_and_repair_brings_it_back(shell: Shell) -> None:
    path = str(write_mbox(shell.folder / "old.mbox", map(mail, (1, 2, 3))))
    origin = ("--account", ACCOUNT, "--mbox", path)
    shell.cli("import", "mbox", path, "--account", ACCOUNT)
    shell.drain()
    with sqlite3.connect(shell.folder / "mail.db") as database:
        database.execute("DELETE FROM raw_emails WHERE id = (SELECT min(id) FROM raw_emails)")
    database.close()

    assert len(shell.json("verify", *origin, expect=exit_codes.INCOMPLETE)["missing"]) == 1
    shell.cli("verify", *origin, "--repair", expect=exit_codes.INCOMPLETE)
    shell.drain()
    proof = shell.json("verify", *origin)
    assert (proof["at_source"], proof["stored"]) == (3, 3)


def test_a_maildir_is_imported_and_verified(shell: Shell) -> None:
    folder = shell.folder / "Maildir"
    for name in ("cur", "new", "tmp"):
        (folder / name).mkdir(parents=True)
    (folder / "cur" / "1.host:2,S").write_bytes(mail(1))
    (folder / "new" / "2.host").write_bytes(mail(2))
    importing = ("import", "maildir", str(folder), "--account", ACCOUNT)
    origin = ("--account", ACCOUNT, "--maildir", str(folder))
    said = shell.cli(*importing)
    assert "worker.py" in said.stderr  # what to do next
    assert len(shell.json("verify", *origin, expect=exit_codes.INCOMPLETE)["waiting"]) == 2
    shell.drain()
    assert shell.json("verify", *origin)["stored"] == 2
    ((box,),) = [account["mailboxes"] for account in shell.json("status")["accounts"]]
    assert box["retired_at"] is not None  # it is not expected to be fresh
    assert "not read any more" in shell.cli("status").stdout

    (folder / "new" / "2.host").unlink()
    assert len(shell.json("verify", *origin, expect=exit_codes.INCOMPLETE)["extra"]) == 1
    shell.cli(*importing)
    shell.drain()
    shell.cli("verify", *origin)


def test_a_reader_that_leaves_early_is_no_fault(shell: Shell) -> None:
    path = write_mbox(shell.folder / "old.mbox", [mail(n, size_bytes=100_000) for n in range(12)])
    shell.cli("import", "mbox", str(path), "--account", ACCOUNT)
    shell.drain()
    process = subprocess.Popen(
        [sys.executable, *CLI, "export"],
        cwd=shell.folder,
        env=shell.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        process.stdout.read(10)
        process.stdout.close()
        said = process.stderr.read()
    assert process.wait(60) == exit_codes.PIPE_CLOSED
    assert said == b""


def test_keygen_and_help_need_no_settings_at_all(shell: Shell) -> None:
    wrong = shell.having(IMAP_PORT="no number", REDIS_URL="nonsense")
    assert len(wrong.process(*CLI, "keygen").stdout.strip()) == 44
    assert "verify" in wrong.process(*CLI, "--help").stdout
    assert not (shell.folder / "redis").exists()


def test_a_mail_that_left_its_mbox_is_kept_and_does_not_count_against_complete(shell: Shell) -> None:
    path = write_mbox(shell.folder / "old.mbox", map(mail, (1, 2)))
    origin = ("--account", ACCOUNT, "--mbox", str(path))
    for mails in ((1, 2), (1, 3)):  # a mail program cut out 2 and added 3
        write_mbox(path, map(mail, mails))
        shell.cli("import", "mbox", str(path), "--account", ACCOUNT)
        shell.drain()
    proof = shell.json("verify", *origin)
    assert (proof["is_complete"], proof["at_source"], len(proof["kept"]), proof["extra"]) == (True, 2, 1, [])
    assert "keeps 1 that are in the file no more" in proof["verdict"]
    assert "kept" in shell.cli("verify", *origin).stdout
