"""Attachments through a real worker: their text is found by a search, and kill -9 in mid-extraction costs nothing."""

import base64
import io
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from src.attachments import temp_files
from src.attachments.limits import MB
from src.common.log_limit import MOST_LINES
from src.store.opening import open_store
from tests.fixtures import office_files
from tests.fixtures.clamd import MARKER, SIGNATURE, ClamdServer
from tests.fixtures.services import require_program, wait_until
from tests.integration.worker.workplace import Workplace, make_mail

pytestmark = pytest.mark.redis

KILLS = int(os.environ.get("ATTACHMENT_KILLS", "5"))


def picture(text: str) -> bytes:
    image = Image.new("RGB", (900, 120), "white")
    ImageDraw.Draw(image).text((20, 30), text, fill="black", font=ImageFont.load_default(48))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def mail_with(number: int, *files: tuple[str, bytes]) -> bytes:
    parts = b"".join(
        b'--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="%b"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n%b\r\n" % (name.encode(), base64.encodebytes(data))
        for name, data in files
    )
    head, _, body = make_mail(number).partition(b"\r\n\r\n")
    kind = b'\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\n'
    return head + kind + body + parts + b"--b--\r\n"


@pytest.fixture
def temp_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path / f"email-ingestion-{os.getuid()}"


def test_the_text_of_every_kind_of_attachment_is_found(workplace: Workplace) -> None:
    require_program("tesseract")
    files = {
        "hippopotamus": ("a.docx", office_files.docx("hippopotamus")),
        "rhinoceros": ("b.pdf", office_files.pdf("rhinoceros")),
        "крокодил": ("c.xlsx", office_files.xlsx("крокодил")),
        "ελέφαντας": ("d.odt", office_files.opendocument("ελέφαντας")),
        "flamingo": ("e.zip", office_files.zipped({"inner/f.docx": office_files.docx("flamingo")})),
        "kangaroo": ("g.png", picture("kangaroo")),
        "giraffe": ("h.pptx", office_files.pptx("giraffe")),
        "pelican": ("i.txt", b"pelican"),
    }
    mails = [mail_with(at, file) for at, file in enumerate(files.values())]
    ids = workplace.publish(mails)

    assert workplace.drain() == 0

    workplace.check_all_settled(ids, mails)
    store = open_store(workplace.database_url)
    for word, source_id in zip(files, ids, strict=True):
        assert [hit.source_id for hit in store.search(word)] == [source_id], word
    store.close()


def kept_by(workplace: Workplace) -> list[list[dict[str, Any]]]:
    """Return the attachments of each stored mail."""
    store = open_store(workplace.database_url)
    try:
        return [mail["attachments"] for mail in store.export()]  # type: ignore[misc]  # typed as object
    finally:
        store.close()


def test_an_infected_attachment_is_named_and_not_read(workplace: Workplace, clamd: ClamdServer) -> None:
    mails = [mail_with(1, ("a.txt", b"pelican"), ("b.txt", b"flamingo " + MARKER))]
    workplace.publish(mails)

    assert workplace.drain(CLAMAV_SOCKET=clamd.socket) == 0

    ((clean, infected),) = kept_by(workplace)
    assert (clean["text"], clean["scan"], clean["skipped_reason"]) == ("pelican", "clean", "")
    assert (infected["text"], infected["scan"], infected["skipped_reason"]) == ("", "infected", "infected")
    assert infected["metadata"] == {"signature": SIGNATURE}


def test_mails_with_attachments_wait_for_the_scanner_and_others_do_not(
    workplace: Workplace, clamd: ClamdServer
) -> None:
    clamd.stop()
    mails = [mail_with(1, ("a.txt", b"pelican")), make_mail(2)]
    ids = workplace.publish(mails)
    workplace.start_worker(CLAMAV_SOCKET=clamd.socket)
    workplace.wait_for(settled=1)
    workplace.wait_for_log("work_failed")
    assert list(workplace.stored()) == [ids[1]]

    clamd.start()

    workplace.wait_for(settled=2)
    workplace.check_all_settled(ids, mails)


def test_an_outage_of_the_scanner_fills_no_log(workplace: Workplace, clamd: ClamdServer) -> None:
    clamd.stop()
    mails = [mail_with(number, ("a.txt", b"pelican")) for number in range(100)]
    ids = workplace.publish(mails)
    settings = {"WORKER_METRICS_PORT": "0", "WORKER_HEALTH_PORT": "0", "LOG_FORMAT": "json", "MAX_CRASHES": "1000"}
    worker = workplace.start_program([sys.executable, "worker.py"], CLAMAV_SOCKET=clamd.socket, **settings)
    wait_until(lambda: workplace.stats().counters.get("retried", 0) > 300, what="each mail to fail a few times")

    clamd.start()

    workplace.wait_for(settled=100)
    worker.send_signal(signal.SIGTERM)
    assert workplace.end(worker) == 0
    workplace.check_all_settled(ids, mails)
    for event in ("work_failed", "mail_retried"):
        whole = [line for line in workplace.logged(event) if line["code"] == "scanner_unavailable"]
        assert 0 < len(whole) <= 2 * MOST_LINES  # two windows at most
        left_out = [line for line in workplace.logged("log_lines_left_out") if line["of"] == event]
        told = sum(int(str(line["lines"])) for line in left_out if line["code"] == "scanner_unavailable")
        assert len(whole) + told >= 300


def test_without_the_scanner_one_can_go_on_unscanned(workplace: Workplace, clamd: ClamdServer) -> None:
    clamd.stop()
    workplace.publish([mail_with(1, ("a.txt", b"pelican"))])

    assert workplace.drain(CLAMAV_SOCKET=clamd.socket, CLAMAV_WHEN_DOWN="go_on") == 0

    (((kept),),) = kept_by(workplace)
    assert (kept["text"], kept["scan"]) == ("pelican", "unscanned")


def test_the_same_bytes_are_not_read_again(workplace: Workplace) -> None:
    plan = ("b.pdf", office_files.pdf("rhinoceros"))
    workplace.publish([mail_with(1, plan)])
    assert workplace.drain() == 0
    with sqlite3.connect(workplace.database_url.removeprefix("sqlite:///")) as database:
        database.execute("UPDATE email_attachments SET text = 'as the database has it'")
    database.close()

    workplace.publish([mail_with(at, plan) for at in range(2, 5)])
    assert workplace.drain() == 0
    workplace.publish([mail_with(5, plan)])
    assert workplace.drain(OCR_DPI="200") == 0  # another way of reading

    texts = [kept["text"] for (kept,) in kept_by(workplace)]
    assert texts == ["as the database has it"] * 4 + ["rhinoceros"]


def test_kill_9_in_mid_extraction_costs_nothing(workplace: Workplace, temp_dir: Path) -> None:
    require_program("tesseract")
    rng = random.Random(7)
    mails = [mail_with(at, ("a.png", picture(f"number {at}")), ("b.pdf", office_files.pdf("x"))) for at in range(12)]
    ids = workplace.publish(mails)
    settings = {"MAX_CRASHES": "1000", "LEASE_SECONDS": "1", "TMPDIR": str(temp_dir.parent)}

    for _ in range(KILLS):
        worker = workplace.start_worker(**settings)
        time.sleep(rng.uniform(0.2, 1.2))
        worker.kill()
        workplace.end(worker)
    assert workplace.drain(**settings) == 0

    workplace.check_all_settled(ids, mails)
    wait_until(lambda: not _children_in(temp_dir), what="the children of killed workers end")
    temp_files.sweep(temp_dir, min_age_s=0)
    assert list(temp_dir.iterdir()) == []


def _children_in(folder: Path) -> list[str]:
    listed = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True).stdout
    mine = [line.split()[0] for line in listed.splitlines() if "src.attachments.child" in line or "tesseract" in line]
    return [pid for pid in mine if _works_in(pid, folder)]


def _works_in(pid: str, folder: Path) -> bool:
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink()).startswith(str(folder))
    except OSError:
        return False


def test_big_attachments_take_bounded_memory_and_two_no_more_than_one(workplace: Workplace) -> None:
    photo = os.urandom(36 * MB)
    one = mail_with(1, ("a.docx", with_picture(office_files.docx("hippopotamus"), photo)))
    two = mail_with(2, ("b.docx", with_picture(office_files.docx("rhinoceros"), photo)))
    workplace.publish([make_mail(0)])
    idle = workplace.peak_memory_mb(workplace.start_worker("--drain"))

    workplace.publish([one])
    alone = workplace.peak_memory_mb(workplace.start_worker("--drain")) - idle
    ids = workplace.publish([one, two])
    both = workplace.peak_memory_mb(workplace.start_worker("--drain")) - idle

    assert alone < 2.5 * len(one) / MB
    assert both < 1.5 * max(alone, 20.0)
    store = open_store(workplace.database_url)
    assert [hit.source_id for hit in store.search("rhinoceros")] == [ids[1]]
    store.close()


def with_picture(docx: bytes, photo: bytes) -> bytes:
    file = io.BytesIO(docx)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr("word/media/image1.png", photo)
    return file.getvalue()
