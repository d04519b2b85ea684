"""The conditions of rules, each held to the contract."""

from dataclasses import replace
from pathlib import Path

from src.model.envelope import Place
from src.model.extraction import Attachment, Extracted, Extraction, Scan
from src.model.message import Address, Record
from src.rules.conditions.registry import CONDITIONS
from tests.contracts.condition_contract import ConditionContract
from tests.contracts.mail_records import added, make_attachment, make_message

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "rules.md").read_text(encoding="utf-8")


def with_files(*attachments: Attachment) -> Record:
    return added(message=make_message(attachments=attachments))


def infected(signature: str = "Win.Test.EICAR_HDB-1") -> Attachment:
    found = Extraction(Extracted.SKIPPED, reason="infected", metadata={"signature": signature})
    return replace(make_attachment(scan=Scan.INFECTED), extraction=found)


PLAIN = added()
TEXT = make_attachment("The Invoice of May", filename="Invoice-05.PDF", scan=Scan.CLEAN)
LOCKED = make_attachment(reason="encrypted", filename="", position=1, scan=Scan.UNSCANNED)
INLINE = replace(make_attachment(filename="logo.png"), is_inline=True, content_type="image/png")
# Case folds to more than lower case: ß is ss, and a final sigma is a sigma.
GREEK = added(message=make_message(subject="ΟΔΥΣΣΕΥΣ in der STRASSE", body="Caf\u00e9"))


class TestInfected(ConditionContract):
    name = "infected"
    fits = ((True, with_files(TEXT, infected())), (False, with_files(TEXT, LOCKED)), (False, PLAIN))
    fits_not = ((True, with_files(TEXT, LOCKED)), (True, PLAIN), (False, with_files(infected())))
    wrong = ("sesame", 1, [True])


class TestSignature(ConditionContract):
    name = "signature"
    fits = (("win.*", with_files(infected())), (["Linux.*", "*EICAR*"], with_files(TEXT, infected())))
    fits_not = (("win", with_files(infected())), ("*", with_files(TEXT, LOCKED)), ("*", PLAIN))
    wrong = (["sesame", 1], "x" * 1_001, ["x"] * 101, "*" * 11)


class TestScan(ConditionContract):
    name = "scan"
    fits = (("unscanned", with_files(TEXT, LOCKED)), (["infected", "clean"], with_files(TEXT)))
    fits_not = (("unscanned", with_files(TEXT, infected())), ("clean", PLAIN), ("clean", with_files(INLINE)))
    wrong = ("sesame", ["clean", "sesame"], "Clean")


class TestAttachmentOutcome(ConditionContract):
    name = "attachment_outcome"
    fits = (("skipped", with_files(TEXT, LOCKED)), (["failed", "text"], with_files(TEXT)))
    fits_not = (("failed", with_files(TEXT, LOCKED)), ("text", PLAIN))
    wrong = ("sesame", [True])


class TestSkippedReason(ConditionContract):
    name = "skipped_reason"
    fits = (("encrypted", with_files(TEXT, LOCKED)), (["too_*", "ENC*"], with_files(LOCKED)))
    fits_not = (("*", with_files(TEXT)), ("infected", with_files(LOCKED)))
    wrong = (True, ["sesame", 1])


class TestHasAttachments(ConditionContract):
    name = "has_attachments"
    fits = ((True, with_files(INLINE, TEXT)), (False, PLAIN), (False, with_files(INLINE)))
    fits_not = ((True, with_files(INLINE)), (False, with_files(TEXT)))
    wrong = ("sesame", 0)


class TestAttachmentType(ConditionContract):
    name = "attachment_type"
    fits = (("image/*", with_files(TEXT, INLINE)), ("TEXT/plain", with_files(TEXT)))
    fits_not = (("image/*", with_files(TEXT)), ("text", with_files(TEXT)), ("*", PLAIN))
    wrong = (True, ["sesame", ""])


class TestAttachmentName(ConditionContract):
    name = "attachment_name"
    fits = (("*.pdf", with_files(INLINE, TEXT)), (["x", "invoice-*.pdf"], with_files(TEXT)))
    fits_not = (("*.pd", with_files(TEXT)), ("*", with_files(LOCKED)), ("*", PLAIN))
    wrong = (7, ["sesame", " "])


class TestText(ConditionContract):
    name = "text"
    fits = (("was decided", PLAIN), ("invoice of", with_files(TEXT)), ("CAFE\u0301", GREEK))
    fits_not = (("minutes", PLAIN), ("decided.\nthe", with_files(TEXT)), ("*", PLAIN))
    wrong = (True, ["sesame", 1])


class TestFrom(ConditionContract):
    name = "from"
    fits = (("BOB@example.org", PLAIN), (["nobody", "*@example.org"], PLAIN), ("*@*.org", PLAIN))
    fits_not = (
        ("Bob Builder*", PLAIN),
        ("*@example.net", PLAIN),
        ("example.org", PLAIN),
        ("*", added(message=replace(make_message(), sender=None))),
        ("*", added(message=replace(make_message(), sender=Address("Bob", "")))),
    )
    wrong = (True, {"a": "sesame"})


class TestTo(ConditionContract):
    name = "to"
    fits = (("ada@example.org", PLAIN), ("carol@*", PLAIN))
    fits_not = (("bob@example.org", PLAIN), ("Ada <*", PLAIN))
    wrong = (True, [b"sesame"])


class TestSubject(ConditionContract):
    name = "subject"
    fits = (("MINUTE", PLAIN), (["nothing", "min"], PLAIN), ("straße", GREEK), ("οδυσσευς", GREEK))
    fits_not = (("decided", PLAIN), ("m*", PLAIN))
    wrong = (True, ["sesame", 1])


class TestAccount(ConditionContract):
    name = "account"
    fits = (("Ada@*", PLAIN),)
    fits_not = (("ada", PLAIN),)
    wrong = (True,)


class TestMailbox(ConditionContract):
    name = "mailbox"
    fits = (("inbox", PLAIN), ("Archive/*", added(place=Place("Archive/2026", 1, 1))))
    fits_not = (("in", PLAIN), ("archive", PLAIN))
    wrong = (True,)


class TestLabel(ConditionContract):
    name = "label"
    fits = (("\\seen", PLAIN), (["x", "*SEEN"], PLAIN))
    fits_not = (("seen", PLAIN), ("*", added(labels=None)), ("*", added(labels=())))
    wrong = (True,)


class TestLargerThan(ConditionContract):
    name = "larger_than"
    fits = ((2_344, PLAIN), ("2 kb", PLAIN), ("2000B", PLAIN), ("10MB", added(size_bytes=10 * 1024**2 + 1)))
    fits_not = ((2_345, PLAIN), ("3KB", PLAIN), ("10MB", added(size_bytes=10 * 1024**2)))
    wrong = (-1, 2**63, True, "10 sesame", "1.5MB", "MB", "٣MB", "9" * 13 + "B")


def test_every_condition_has_a_test_and_a_row_in_the_docs() -> None:
    assert {suite.name for suite in ConditionContract.__subclasses__()} == set(CONDITIONS)
    rows = PAGE.partition("## Conditions")[2].partition("## Actions")[0]
    for name in (*CONDITIONS, "any", "not"):
        assert f"\n| `{name}` |" in rows
