"""A text is taken out of the same bytes once, if all went well, and memory for that is bounded."""

from collections.abc import Callable

import pytest

from src.attachments import reuse
from src.attachments.extractor import Content
from src.attachments.keep import Keeper
from src.attachments.limits import DEFAULT, Limits, Ocr
from src.attachments.reuse import LookUp, Reuse
from src.common.errors import DatabaseUnavailableError
from src.model.extraction import Extracted, Extraction
from tests.unit.attachments.test_keep import FakePart

FOUND = Extraction(Extracted.TEXT, text="zeppelin", metadata={"pages": 3})
TROUBLES = (
    Extraction(Extracted.FAILED, reason="time_out"),
    Extraction(Extracted.SKIPPED, reason="ocr_unavailable"),
    Extraction(Extracted.TEXT, text="half of it", reason="ocr_unavailable"),
)


class OneAnswer:
    """Plays Sandbox: always finds the same, and counts how often it was asked."""

    def __init__(self, found: Extraction = FOUND) -> None:
        self.found = found
        self.times = 0

    def take_out(self, content: Content, limits: Limits, seconds: float) -> Extraction:
        self.times += 1
        return self.found

    def close(self) -> None:
        """Nothing is open."""


def pdf(data: bytes = b"%PDF-1.4 \0") -> FakePart:
    return FakePart(data, "application/pdf", filename="a.pdf")


def test_the_same_bytes_are_read_once_and_then_need_no_waiting() -> None:
    sandbox = OneAnswer()
    keeper = Keeper(sandbox)
    assert keeper.now(pdf()) is None
    first = keeper.keep(pdf())

    second = keeper.now(pdf())

    assert second == first
    assert first.extraction == FOUND
    assert sandbox.times == 1


@pytest.mark.parametrize("found", TROUBLES)
def test_what_did_not_go_well_is_tried_again(found: Extraction) -> None:
    sandbox = OneAnswer(found)
    keeper = Keeper(sandbox)
    assert [keeper.keep(pdf()).extraction for _ in range(3)] == [found] * 3
    assert sandbox.times == 3


def test_other_bytes_other_bounds_and_another_type_are_read_anew() -> None:
    sandbox, shared = OneAnswer(), Reuse()
    for keeper in (Keeper(sandbox, reuse=shared), Keeper(sandbox, Limits(ocr=Ocr(dpi=200)), reuse=shared)):
        keeper.keep(pdf())
        keeper.keep(pdf(b"%PDF-1.5 \0"))
    mail = b"Subject: x\r\n\r\nx"
    plain = Keeper(sandbox, reuse=shared).keep(FakePart(mail, "text/plain", filename="a.txt"))
    as_mail = Keeper(sandbox, reuse=shared).keep(FakePart(mail, "message/rfc822", filename="a.eml"))
    assert sandbox.times == 5
    assert plain.sha256 == as_mail.sha256
    assert plain.recipe != as_mail.recipe


def asked(answer: Callable[[], Extraction | None]) -> tuple[LookUp, list[str]]:
    """Return a database that gives this answer, and the recipes it was asked for."""
    recipes: list[str] = []

    def look_up(sha256: str, recipe: str) -> Extraction | None:
        recipes.append(recipe)
        return answer()

    return look_up, recipes


def test_the_database_is_asked_once_and_then_remembered() -> None:
    look_up, recipes = asked(lambda: FOUND)
    sandbox = OneAnswer()
    keeper = Keeper(sandbox, reuse=Reuse(look_up))
    assert [keeper.keep(pdf()).extraction for _ in range(3)] == [FOUND] * 3
    assert (sandbox.times, len(recipes)) == (0, 1)
    assert recipes[0].startswith("application/pdf ")


def test_a_database_that_is_away_costs_only_the_reading() -> None:
    def away() -> Extraction | None:
        raise DatabaseUnavailableError("away")

    sandbox = OneAnswer()
    assert Keeper(sandbox, reuse=Reuse(asked(away)[0])).keep(pdf()).extraction == FOUND
    assert sandbox.times == 1


def test_memory_is_bounded_in_number_and_in_length() -> None:
    remembering = Reuse()
    for number in range(reuse.REMEMBERED + 10):
        remembering.remember(str(number), "r", FOUND)
    long = Extraction(Extracted.TEXT, text="x" * (reuse.REMEMBERED_CHARS + 1))
    remembering.remember("long", "r", long)
    assert [remembering.at_hand(name, "r") for name in ("0", "9", "long")] == [None] * 3
    assert remembering.at_hand("10", "r") == FOUND
    assert remembering.at_hand("10", "other") is None


def test_a_recipe_names_version_and_bounds() -> None:
    assert DEFAULT.recipe(2) != DEFAULT.recipe(3)
    assert DEFAULT.recipe(2) != Limits(pdf_pages=1).recipe(2)
    assert DEFAULT.recipe(2) == Limits(memory_bytes=1).recipe(2)
