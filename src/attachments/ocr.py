"""Text from pictures, by Tesseract through pytesseract: each page a process of its own, one thread, within a time."""

import time
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from src.attachments.extractor import NotExtractedError
from src.attachments.limits import Limits
from src.model.extraction import Extracted

if TYPE_CHECKING:
    from PIL.Image import Image

PAGE_SECONDS = 30.0  # of one page; 1.6 is usual
LEAST_PIXELS = 5_000  # a smaller picture is a logo or a line: no word is read from it
LEAST_SIDE = 16  # pixels
_CONFIG = "--psm 3"  # fully automatic page segmentation


class OcrUnavailableError(NotExtractedError):
    """Raised when Tesseract or one of its languages is not installed."""

    def __init__(self) -> None:
        super().__init__("ocr_unavailable", outcome=Extracted.SKIPPED)


@dataclass(slots=True)
class Reader:
    """Reads the pages of one attachment, as many and as long as its limits allow."""

    limits: Limits
    deadline: float  # as time.monotonic tells it
    pages_read: int = 0
    is_cut: bool = False  # a page was left out, for its number or the time

    @classmethod
    def of(cls, limits: Limits) -> "Reader":
        return cls(limits, time.monotonic() + limits.ocr.seconds)

    def load(self) -> None:
        """Load the libraries, before a process forks for each page."""
        for library in ("PIL.Image", "pytesseract"):
            import_module(library)

    def has_room(self) -> bool:
        """Tell whether one more page may be read; if not, the text is known to be cut."""
        has_room = self.pages_read < self.limits.ocr.pages and time.monotonic() < self.deadline
        self.is_cut = self.is_cut or not has_room
        return has_room

    def seconds_for_page(self) -> float:
        """Return how long the next page may take, rendering left aside."""
        return max(1.0, min(PAGE_SECONDS, self.deadline - time.monotonic()))

    def read(self, picture: "Image") -> str:
        """Return the text of a picture. Raises OcrUnavailableError."""
        import pytesseract

        self.pages_read += 1
        seconds = self.seconds_for_page()
        try:
            text: str = pytesseract.image_to_string(
                picture, lang=self.limits.ocr.languages, config=_CONFIG, timeout=seconds
            )
        except pytesseract.TesseractNotFoundError as error:
            raise OcrUnavailableError from error
        except pytesseract.TesseractError as error:
            if "Failed loading language" in str(error) or "could not load" in str(error).lower():
                raise OcrUnavailableError from error
            raise
        except RuntimeError:  # what pytesseract raises when the time is over
            self.is_cut = True
            return ""
        return text


def fitting(picture: "Image", limits: Limits) -> "Image":
    """Return the picture in grey, scaled down to what is rendered at most."""
    pixels = picture.width * picture.height
    if pixels > limits.render_pixels:
        factor = (limits.render_pixels / pixels) ** 0.5
        picture = picture.resize((max(1, int(picture.width * factor)), max(1, int(picture.height * factor))))
    return picture.convert("L")


def is_too_small(width: int, height: int) -> bool:
    """Tell whether a picture is too small to hold words."""
    return width * height < LEAST_PIXELS or min(width, height) < LEAST_SIDE
