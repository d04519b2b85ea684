"""The sample mailbox is what its generator writes, and holds what the tour needs."""

from pathlib import Path

from scripts.broken_mails import broken_mails
from scripts.make_sample_mailbox import as_mbox, mails
from src.mail.parse import parse

SAMPLE = Path(__file__).resolve().parents[3] / "samples" / "mailbox.mbox"
TOUR_LIMIT_BYTES = 1024 * 1024  # MAX_MAIL_BYTES in scripts/quickstart.py


def test_the_committed_file_is_what_the_generator_writes() -> None:
    assert SAMPLE.read_bytes() == as_mbox(mails()), "run python -m scripts.make_sample_mailbox"


def test_it_is_small_and_brings_one_mail_over_the_tours_limit() -> None:
    assert SAMPLE.stat().st_size < 3_000_000
    assert 190 <= len(mails()) <= 220
    assert sum(len(mail.replace(b"\r\n", b"\n")) > TOUR_LIMIT_BYTES for mail in mails()) == 1


def test_only_the_broken_mails_have_defects() -> None:
    with_defects = [raw for raw in mails() if parse(raw).message.defects]
    assert set(with_defects) <= set(broken_mails().values())
    assert len(with_defects) >= 10
