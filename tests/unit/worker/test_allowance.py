"""What the attachments of one mail may take together: a thousand hostile ones cost no more than a few."""

from dataclasses import replace

from src.model.extraction import Attachment, AttachmentPart, Extracted, Extraction
from src.worker.allowance import TOO_LONG, TOO_MUCH, Allowance
from tests.fakes import no_sandbox
from tests.unit.attachments.test_keep import FakePart


def leave(part: AttachmentPart, reason: str) -> Attachment:
    return replace(no_sandbox.keep(part), extraction=Extraction(Extracted.SKIPPED, reason=reason))


def reasons(allowance: Allowance, parts: list[FakePart]) -> list[str]:
    return [allowance.keep(part).extraction.reason for part in parts]


def test_what_comes_after_the_time_is_over_is_left() -> None:
    over = Allowance(no_sandbox.keep, leave, seconds=0.0)
    assert reasons(over, [FakePart(b"x"), FakePart(b"y")]) == [TOO_LONG, TOO_LONG]


def test_what_comes_after_the_text_is_full_is_left() -> None:
    allowance = Allowance(no_sandbox.keep, leave, chars=5)
    assert reasons(allowance, [FakePart(b"xxx"), FakePart(b"yyy"), FakePart(b"z")]) == ["", "", TOO_MUCH]


def test_an_ordinary_mail_is_read_whole() -> None:
    assert reasons(Allowance(no_sandbox.keep, leave), [FakePart(b"x") for _ in range(50)]) == [""] * 50
