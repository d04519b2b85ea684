"""Office files for the benchmark, written by the libraries that people write them with.

So each holds all that such a file holds beside its words: styles, themes, relations, types of its parts. Only the words
are given; the same words make the same document.
"""

import datetime
import io
import random
import textwrap
from collections.abc import Callable, Iterable

import docx
import pptx
import xlsxwriter
import xlwt
from docx.shared import Pt
from odf.opendocument import OpenDocumentText
from odf.style import Style, TextProperties
from odf.text import P, Span

RUN_CHARS = 60  # a change of format comes about once a line
COLUMNS_OF_TEXT, COLUMNS_OF_DATES, COLUMNS_OF_NUMBERS = 4, 2, 6
FIRST_DAY = datetime.date(2010, 1, 1)
DAYS = 6_000

Cell = str | float | datetime.date


def word(paragraphs: Iterable[str]) -> bytes:
    """Return a DOCX of these paragraphs, with a table, a header and a footer."""
    document = docx.Document()
    section = document.sections[0]
    section.header.paragraphs[0].text, section.footer.paragraphs[0].text = "at the top", "at the foot"
    for text in paragraphs:
        paragraph = document.add_paragraph(style="Body Text")
        for part in textwrap.wrap(text, RUN_CHARS):
            run = paragraph.add_run(f"{part} ")
            run.font.name, run.font.size = "Calibri", Pt(11)
    table = document.add_table(rows=2, cols=3)
    for cell in (cell for row in table.rows for cell in row.cells):
        cell.text = "in a table"
    return _saved(document.save)


def excel(rows: int, texts: list[str], rng: random.Random) -> bytes:
    """Return an XLSX with a sheet of so many rows of twelve cells: texts, days, numbers."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True, "default_date_format": "yyyy-mm-dd"}) as book:
        sheet = book.add_worksheet("Figures")
        for at, row in enumerate(_rows(rows, texts, rng)):
            sheet.write_row(at, 0, row)
    return file.getvalue()


def old_excel(rows: int, texts: list[str], rng: random.Random) -> bytes:
    """Return an XLS with the same."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("Figures")
    day, plain = xlwt.easyxf(num_format_str="yyyy-mm-dd"), xlwt.easyxf()
    for at, row in enumerate(_rows(rows, texts, rng)):
        for column, value in enumerate(row):
            sheet.write(at, column, value, day if isinstance(value, datetime.date) else plain)
    return _saved(book.save)


def _rows(rows: int, texts: list[str], rng: random.Random) -> Iterable[list[Cell]]:
    for _ in range(rows):
        days = (FIRST_DAY + datetime.timedelta(days=rng.randrange(DAYS)) for _ in range(COLUMNS_OF_DATES))
        numbers = (round(rng.random() * 1000, 2) for _ in range(COLUMNS_OF_NUMBERS))
        yield [*rng.choices(texts, k=COLUMNS_OF_TEXT), *days, *numbers]


def powerpoint(slides: Iterable[list[str]]) -> bytes:
    """Return a PPTX with a slide for each list of paragraphs; every fourth slide has notes."""
    talk = pptx.Presentation()
    for number, paragraphs in enumerate(slides):
        slide = talk.slides.add_slide(talk.slide_layouts[1])
        slide.shapes.title.text = f"Slide {number + 1}"
        frame = slide.placeholders[1].text_frame
        for text in paragraphs:
            run = frame.add_paragraph().add_run()
            run.text, run.font.bold = text, True
        if number % 4 == 0:
            slide.notes_slide.notes_text_frame.text = "said aloud"
    return _saved(talk.save)


def opendocument(paragraphs: Iterable[str]) -> bytes:
    """Return an ODT of these paragraphs."""
    document = OpenDocumentText()
    style = Style(name="T1", family="text")
    style.addElement(TextProperties(fontweight="bold"))
    document.automaticstyles.addElement(style)
    for text in paragraphs:
        paragraph = P()
        for part in textwrap.wrap(text, RUN_CHARS):
            paragraph.addElement(Span(stylename=style, text=f"{part} "))
        document.text.addElement(paragraph)
    return _saved(document.write)


def _saved(save: Callable[[io.BytesIO], object]) -> bytes:
    file = io.BytesIO()
    save(file)
    return file.getvalue()
