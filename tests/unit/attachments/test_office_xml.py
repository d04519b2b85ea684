"""Streaming XML: bounds hold from chunk to chunk, and elements are known by their local names whatever their prefix."""

import pytest

from src.attachments.extractor import NotExtractedError
from src.attachments.office_text import FlowHandler, Pieces
from src.attachments.office_xml import Attributes, EnoughError, Handler, Parser
from src.attachments.xlsx import MAX_CELL_CHARS
from src.model.extraction import Extracted
from tests.fixtures import office_files
from tests.fixtures.reading import read


class Heard(Handler):
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, str]]] = []

    def start(self, name: str, attributes: Attributes) -> None:
        self.lines.append((name, dict(attributes)))


@pytest.mark.parametrize("prefix", ["", "w:", "ns0:"])
def test_prefixes_do_not_matter(prefix: str) -> None:
    heard = Heard()
    Parser(heard, 10).parse(f'<{prefix}a xmlns:r="urn:r" r:id="1" n="2"/>'.encode(), is_last=True)
    assert heard.lines == [("a", {"id": "1", "n": "2"})]


def test_depth_is_bounded_also_of_elements_that_nobody_hears_of() -> None:
    pieces = Pieces(100)
    parser = Parser(FlowHandler(pieces, texts=frozenset({"t"}), ends={}), 50)
    parser.parse(b"<x>" * 50)
    with pytest.raises(NotExtractedError, match="nested_too_deep"):
        parser.parse(b"<x>")


def test_text_is_enough_at_the_end_of_the_chunk_that_fills_it() -> None:
    pieces = Pieces(10)
    parser = Parser(FlowHandler(pieces, texts=frozenset({"t"}), ends={"t": "."}), 50)
    parser.parse(b"<x><t>123</t><t>456</t>")
    assert not pieces.is_full
    with pytest.raises(EnoughError):
        parser.parse(b"<t>78</t>")
    assert pieces.joined() == "123.456.78."


def test_a_text_that_thousands_of_cells_share_does_not_multiply_without_bound() -> None:
    cells = "".join('<c t="s"><v>0</v></c>' for _ in range(3_000))
    book = office_files.xlsx("x" * 3 * MAX_CELL_CHARS, rows=f"<row>{cells}</row>")
    found = read(book, text_chars=100_000)
    assert (found.outcome, found.truncated) == (Extracted.TEXT, True)
    assert len(found.text) == 100_000


def test_formulas_are_not_shown_beside_their_values() -> None:
    found = read(office_files.xlsx("x", rows="<row>\n <c>\n <f>SUM(A1:A9)</f>\n <v>45</v>\n </c>\n</row>"))
    assert found.text.split("\n")[1].strip() == "45"
