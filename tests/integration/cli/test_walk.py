"""A user's walk through the commands, each a process of its own."""

import hashlib
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

from src.common import exit_codes
from tests.integration.cli.shell import ROOT, Shell, mail, write_mbox

ACCOUNT = "archive"
MIB = 1024 * 1024


def test_from_a_file_to_the_proof_with_a_dead_letter_on_the_way(shell: Shell) -> None:
    big = mail(4, size_bytes=MIB + MIB // 8)
    path = str(write_mbox(shell.folder / "old.mbox", [*map(mail, (1, 2, 3)), big]))
    origin = ("--account", ACCOUNT, "--mbox", path)

    dry = shell.cli("import", "mbox", path, "--account", ACCOUNT, "--dry-run")
    assert "mail 1" in dry.stdout
    assert not (shell.folder / "mail.db").exists()
    assert shell.json("status")["redis"]["waiting"] == 0

    lowered = {"MAX_MAIL_BYTES": str(MIB)}
    (told,) = shell.json(
        "import", "mbox", path, "--account", ACCOUNT, "--with-worker", expect=exit_codes.INCOMPLETE, **lowered
    )
    assert (told["state"], told["published"], told["dead"]) == ("caught_up", 3, 1)

    status = shell.json("status")
    assert (status["database"]["mails"], status["redis"]["dead_by_code"]) == (3, {"mail_too_large": 1})
    assert [hit["subject"] for hit in shell.json("search", "walnut2")] == ["mail 2"]

    proof = shell.json("verify", *origin, expect=exit_codes.INCOMPLETE)
    assert (proof["stored"], len(proof["dead"]), proof["missing"]) == (3, 1, [])
    shell.cli("verify", *origin, "--accept-dead")

    (letter,) = shell.json("dlq", "list")
    shell.cli("dlq", "show", letter["entry_id"], "--raw", str(shell.folder / "dead.eml"))
    assert hashlib.sha256((shell.folder / "dead.eml").read_bytes()).digest() == hashlib.sha256(big).digest()
    shell.cli("dlq", "replay", letter["entry_id"])
    assert len(shell.json("verify", *origin, expect=exit_codes.INCOMPLETE)["waiting"]) == 1
    shell.run("worker.py", "--drain")
    assert shell.cli("verify", *origin).stdout.splitlines()[-1].startswith("complete: ")

    exported = [json.loads(line) for line in shell.cli("export").stdout.splitlines()]
    wanted = {hashlib.sha256(one).hexdigest() for one in (*map(mail, (1, 2, 3)), big)}
    assert {one["sha256"] for one in exported} == wanted
    shell.cli("dlq", "purge", "--all", "--yes")


def test_verify_finds_what_was_lost_and_repair_brings_it_back(shell: Shell) -> None:
    path = str(write_mbox(shell.folder / "old.mbox", map(mail, (1, 2, 3))))
    origin = ("--account", ACCOUNT, "--mbox", path)
    shell.cli("import", "mbox", path, "--account", ACCOUNT, "--with-worker")
    with sqlite3.connect(shell.folder / "mail.db") as database:
        database.execute("DELETE FROM raw_emails WHERE id = (SELECT min(id) FROM raw_emails)")
    database.close()

    assert len(shell.json("verify", *origin, expect=exit_codes.INCOMPLETE)["missing"]) == 1
    shell.cli("verify", *origin, "--repair", expect=exit_codes.INCOMPLETE)
    shell.run("worker.py", "--drain")
    proof = shell.json("verify", *origin)
    assert (proof["at_source"], proof["stored"]) == (3, 3)


def test_a_maildir_is_imported_and_verified(shell: Shell) -> None:
    folder = shell.folder / "Maildir"
    for name in ("cur", "new", "tmp"):
        (folder / name).mkdir(parents=True)
    (folder / "cur" / "1.host:2,S").write_bytes(mail(1))
    (folder / "new" / "2.host").write_bytes(mail(2))
    shell.cli("import", "maildir", str(folder), "--account", ACCOUNT, "--with-worker")
    origin = ("--account", ACCOUNT, "--maildir", str(folder))
    assert shell.json("verify", *origin)["stored"] == 2

    (folder / "new" / "2.host").unlink()
    assert len(shell.json("verify", *origin, expect=exit_codes.INCOMPLETE)["extra"]) == 1
    shell.cli("import", "maildir", str(folder), "--account", ACCOUNT, "--with-worker")
    shell.cli("verify", *origin)


def test_a_reader_that_leaves_early_is_no_fault(shell: Shell) -> None:
    path = write_mbox(shell.folder / "old.mbox", [mail(n, size_bytes=100_000) for n in range(12)])
    shell.cli("import", "mbox", str(path), "--account", ACCOUNT, "--with-worker")
    process = subprocess.Popen(
        [sys.executable, "-m", "src.cli", "export"],
        cwd=ROOT,
        env=shell.environment({}),
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


def test_keygen_and_help_need_no_settings_at_all(shell: Shell, tmp_path: Path) -> None:
    wrong = {"IMAP_PORT": "no number", "REDIS_URL": "nonsense"}
    assert len(shell.cli("keygen", **wrong).stdout.strip()) == 44
    assert "verify" in shell.cli("--help", **wrong).stdout
    assert not (tmp_path / "redis").exists()
