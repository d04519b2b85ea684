"""Pages as an office scanner sends them: made-up prose drawn in black on white, 300 dots an inch, each file its own."""

import io
import random

from PIL import Image, ImageDraw, ImageFont

DPI = 300
A4 = (2480, 3508)  # pixels at that resolution
MARGIN, LINE_HEIGHT, POINTS = 200, 70, 40  # pixels
LINES = 42  # of a page
CHARS = 85  # of a line


def page(text: str) -> Image.Image:
    """Return a page that begins with `text`; what does not fit is left out."""
    picture = Image.new("L", A4, 255)
    drawing, font = ImageDraw.Draw(picture), ImageFont.load_default(POINTS)
    for number in range(LINES):
        line = text[number * CHARS : (number + 1) * CHARS]
        drawing.text((MARGIN, MARGIN + number * LINE_HEIGHT), line, fill=0, font=font)
    return picture


def png(text: str) -> bytes:
    """Return a page as PNG."""
    return _saved(page(text), "PNG", dpi=(DPI, DPI))


def scanned_pdf(*texts: str) -> bytes:
    """Return a PDF of pictures of pages, without any text in it."""
    first, *others = [page(text) for text in texts]
    return _saved(first, "PDF", save_all=True, append_images=others, resolution=DPI)


def own_copy(pdf: bytes, number: int) -> bytes:
    """Return the same pages as a file with other bytes, so that no text can be taken from the last one."""
    return pdf + b"\n%% copy %d\n" % number


def paragraphs(rng: random.Random, words: int) -> str:
    """Return prose of so many common English words, which Tesseract reads as it reads letters."""
    return " ".join(rng.choices(_WORDS.split(), k=words))


def _saved(picture: Image.Image, format_: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, format_, **options)
    return file.getvalue()


_WORDS = """
the of and to in is that for it as was with be by on not he this are or his from at which but have an had they
you were their one all we can her has there been if more when will would who so no said what up its about into
than them only other new some could time these two may then do first any my now such like our over man me even
most made after also did many before must through back years where much your way well down should because each
invoice delivery payment contract meeting report harvest kettle lamp copper Tuesday March amount total address
"""
