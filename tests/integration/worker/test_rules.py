"""Rules through a real worker: what a virus scanner finds is tagged, also inside an archive and when read anew."""

import sys
from pathlib import Path
from typing import Any

import pytest

from src.store.opening import open_store
from tests.fixtures import office_files
from tests.fixtures.clamd import MARKER, ClamdServer
from tests.integration.worker.test_attachments import mail_with
from tests.integration.worker.workplace import Workplace, make_mail

pytestmark = pytest.mark.redis

RULES = """
[[rule]]
name = "infected mail"
when = { infected = true }
then = { tag = ["quarantine"] }
stop = true

[[rule]]
name = "test viruses"
when = { signature = "test.*" }
then = { tag = "never reached" }

[[rule]]
name = "birds"
when = { any = [{ text = "pelican" }, { attachment_name = "*.bird" }] }
then = { tag = ["bird", "animal"] }
"""


@pytest.fixture
def rules_file(tmp_path: Path) -> str:
    path = tmp_path / "rules.toml"
    path.write_text(RULES, encoding="utf-8")
    return str(path)


def said(workplace: Workplace) -> dict[str, tuple[Any, Any]]:
    """Return the tags and the rules of each stored mail."""
    store = open_store(workplace.database_url)
    try:
        return {str(mail["source_id"]): (mail["tags"], mail["rules"]) for mail in store.export()}
    finally:
        store.close()


def forwarded(inner: bytes) -> bytes:
    head = b"From: eve@example.org\r\nContent-Type: multipart/mixed; boundary=f\r\n\r\n--f\r\n"
    return head + b"Content-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--f--\r\n"


def test_infected_mail_is_tagged_wherever_the_virus_lies(
    workplace: Workplace, clamd: ClamdServer, rules_file: str
) -> None:
    bad = b"flamingo " + MARKER
    mails = [
        mail_with(1, ("a.txt", b"pelican"), ("b.txt", bad)),
        mail_with(2, ("c.zip", office_files.zipped({"deep/d.txt": bad}))),
        forwarded(mail_with(3, ("e.txt", bad))),
        mail_with(4, ("f.txt", b"pelican")),
        mail_with(5, ("g.bird", b"\0\1")),
        make_mail(6),
    ]
    ids = workplace.publish(mails)

    assert workplace.drain(CLAMAV_SOCKET=clamd.socket, RULES_FILE=rules_file) == 0

    workplace.check_all_settled(ids, mails)
    infected, birds = (["quarantine"], ["infected mail"]), (["animal", "bird"], ["birds"])
    found = said(workplace)
    assert [found[id_] for id_ in ids] == [infected, infected, infected, birds, birds, ([], [])]


def test_without_a_file_nothing_is_decided(workplace: Workplace, clamd: ClamdServer) -> None:
    workplace.publish([mail_with(1, ("b.txt", MARKER))])

    assert workplace.drain(CLAMAV_SOCKET=clamd.socket) == 0

    assert list(said(workplace).values()) == [([], [])]


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_worker_does_not_start_with_wrong_rules(workplace: Workplace, tmp_path: Path, processes: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('[[rule]]\nname = "a"\nwhen = { infectd = true }\nthen = { tg = "x" }\n', encoding="utf-8")

    command = [sys.executable, "worker.py", "--drain", "--processes", processes]
    worker = workplace.start_program(command, RULES_FILE=str(path))

    assert workplace.end(worker) == 2
    assert 'rule 1 "a".when.infectd: is not known here; is infected meant?' in workplace.log()
    assert 'rule 1 "a".then.tg: is not known here; is tag meant?' in workplace.log()
