"""Attachments read anew, once what they lacked is there: found by a search, nothing lost, nothing twice."""

import base64
from pathlib import Path

import pytest

from config.settings import load
from src.assembly.services import open_stream
from src.common import exit_codes
from tests.fixtures import office_files
from tests.fixtures.dovecot import DovecotServer
from tests.fixtures.dovecot_config import PASSWORD
from tests.fixtures.services import require_program
from tests.integration.cli.shell import ROOT, Shell, mail, write_mbox
from tests.integration.worker.test_attachments import picture

ACCOUNT = "archive"
LACKING = {"OCR_LANGUAGES": "xyz"}  # a language that nobody has installed


def with_file(number: int, name: str, data: bytes) -> bytes:
    head, _, body = mail(number).partition(b"\n\n")
    return b"%b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n%b\n--b\n%b\n%b--b--\n" % (
        head,
        body,
        f'Content-Type: application/octet-stream; name="{name}"\nContent-Transfer-Encoding: base64\n'.encode(),
        base64.encodebytes(data),
    )


@pytest.fixture
def mails() -> list[bytes]:
    require_program("tesseract")
    return [mail(1), with_file(2, "a.png", picture("kangaroo")), with_file(3, "b.docx", office_files.docx("pelican"))]


@pytest.mark.parametrize("kind", ["mbox", "maildir"])
def test_what_lacked_ocr_is_read_anew(shell: Shell, mails: list[bytes], kind: str) -> None:
    path = _written(shell.folder, kind, mails)
    origin = ("--account", ACCOUNT, f"--{kind}", path)
    shell.cli("import", kind, path, "--account", ACCOUNT)
    shell.having(**LACKING).drain()
    assert "skipped ocr_unavailable 1" in shell.cli("status").stdout
    before = {one["source_id"]: one for one in shell.json_lines("export")}

    told = shell.json("attachments", "reprocess", "--reason", "ocr_unavailable", *origin)
    shell.drain()

    assert (told["meant"], told["published"], told["missing"]) == (1, 1, 0)
    after = {one["source_id"]: one for one in shell.json_lines("export")}
    assert after.keys() == before.keys()
    assert [one for one in after if after[one] != before[one]] == [
        hit["source_id"] for hit in _found(shell, "kangaroo")
    ]
    assert shell.cli("verify", *origin).stdout.splitlines()[-1].startswith("complete: ")
    assert "no such attachments" in shell.cli("attachments", "reprocess", "--reason", "ocr_unavailable", *origin).stderr


def test_what_was_read_within_other_bounds_is_read_anew_once(shell: Shell, mails: list[bytes]) -> None:
    path = _written(shell.folder, "mbox", mails)
    origin = ("--account", ACCOUNT, "--mbox", path)
    shell.cli("import", "mbox", path, "--account", ACCOUNT)
    shell.drain()
    assert shell.json("attachments", "reprocess", "--outdated", *origin)["meant"] == 0

    finer = shell.having(OCR_DPI="200")
    assert finer.json("attachments", "reprocess", "--outdated", *origin)["published"] == 2
    finer.drain()
    assert finer.json("attachments", "reprocess", "--outdated", *origin)["meant"] == 0
    assert len(_found(shell, "kangaroo")) == len(_found(shell, "pelican")) == 1


def test_a_text_that_was_read_well_stays_when_the_new_try_fails(shell: Shell, mails: list[bytes]) -> None:
    path = _written(shell.folder, "mbox", mails)
    origin = ("--account", ACCOUNT, "--mbox", path)
    shell.cli("import", "mbox", path, "--account", ACCOUNT)
    shell.drain()

    lacking = shell.having(**LACKING)
    lacking.cli("attachments", "reprocess", "--outdated", *origin)
    lacking.drain()

    assert len(_found(shell, "kangaroo")) == 1


def test_mails_that_are_gone_from_the_file_are_counted_and_kept(shell: Shell, mails: list[bytes]) -> None:
    path = _written(shell.folder, "mbox", mails)
    shell.cli("import", "mbox", path, "--account", ACCOUNT)
    shell.having(**LACKING).drain()
    _written(shell.folder, "mbox", mails[:1])

    origin = ("--account", ACCOUNT, "--mbox", path)
    told = shell.json("attachments", "reprocess", "--reason", "ocr_unavailable", *origin, expect=exit_codes.INCOMPLETE)

    assert (told["meant"], told["published"], told["missing"]) == (1, 0, 1)
    assert len(shell.json_lines("export")) == 3


def test_a_mail_of_one_of_two_files_of_the_same_name_is_not_called_gone(shell: Shell, mails: list[bytes]) -> None:
    paths = []
    for year, some in (("2019", mails[:2]), ("2020", mails[2:])):
        (shell.folder / year).mkdir()
        paths.append(_written(shell.folder / year, "mbox", some))
        shell.cli("import", "mbox", paths[-1], "--account", ACCOUNT)
    shell.having(**LACKING).drain()

    origins = ("--account", ACCOUNT, "--mbox", paths[0], "--mbox", paths[1])
    told = shell.json("attachments", "reprocess", "--reason", "ocr_unavailable", *origins)

    assert (told["meant"], told["published"], told["missing"]) == (1, 1, 0)


def test_mails_of_a_file_that_cannot_be_read_are_left_and_not_called_gone(shell: Shell, mails: list[bytes]) -> None:
    path = _written(shell.folder, "mbox", mails)
    shell.cli("import", "mbox", path, "--account", ACCOUNT)
    shell.having(**LACKING).drain()
    Path(path).write_bytes(b"no mbox any more")

    again = ("attachments", "reprocess", "--reason", "ocr_unavailable", "--account", ACCOUNT, "--mbox", path)
    told = shell.json(*again, expect=exit_codes.OPERATOR_NEEDED)

    assert (told["meant"], told["published"], told["missing"], told["left"]) == (1, 0, 0, 1)
    assert "docs/runbooks/file_unreadable.md" in shell.cli(*again, expect=exit_codes.OPERATOR_NEEDED).stderr


@pytest.mark.dovecot
def test_mails_of_a_server_are_read_anew_while_a_producer_reads_the_mailbox(
    shell: Shell, mails: list[bytes], dovecot: DovecotServer, dovecot_user: str
) -> None:
    dovecot.deliver(dovecot_user, [one.replace(b"\n", b"\r\n") for one in mails])
    at_server = shell.having(
        IMAP_HOST="127.0.0.1",
        IMAP_PORT=str(dovecot.plain_port),
        IMAP_TLS="none",
        IMAP_AUTH="password",
        IMAP_USER=dovecot_user,
        IMAP_PASSWORD=PASSWORD,
    )
    at_server.process(str(ROOT / "producer.py"), "--once")
    at_server.having(**LACKING).drain()
    before = at_server.json("status")["accounts"]
    settings = load(_env_file=None, redis_url=shell.settings["REDIS_URL"])
    producer = open_stream(settings)
    lease = producer.acquire_lease(dovecot_user, "INBOX", "a producer")
    assert lease is not None

    told = at_server.json("attachments", "reprocess", "--reason", "ocr_unavailable")
    at_server.drain()

    producer.release_lease(lease)
    producer.close()
    assert (told["meant"], told["published"], told["missing"]) == (1, 1, 0)
    assert len(_found(at_server, "kangaroo")) == 1
    assert at_server.json("verify")["is_complete"]
    after = at_server.json("status")["accounts"]
    assert [box["cursor"] for box in after[0]["mailboxes"]] == [box["cursor"] for box in before[0]["mailboxes"]]


def test_it_takes_one_choice(shell: Shell) -> None:
    for choice in ((), ("--outdated", "--reason", "time_out")):
        shell.cli("attachments", "reprocess", "--account", ACCOUNT, *choice, expect=exit_codes.USAGE)


def _written(folder: Path, kind: str, mails: list[bytes]) -> str:
    path = folder / f"old-{kind}"
    if kind == "mbox":
        return str(write_mbox(path, mails))
    for name in ("cur", "new", "tmp"):
        (path / name).mkdir(parents=True)
    for number, one in enumerate(mails):
        (path / "cur" / f"{number}.example:2,S").write_bytes(one)
    return str(path)


def _found(shell: Shell, word: str) -> list[dict[str, str]]:
    hits: list[dict[str, str]] = shell.json("search", word)
    return hits
