"""Text from pictures, by Tesseract through pytesseract: each page a process of its own, one thread, within a time."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from src.attachments.extractor import NotExtractedError
from src.attachments.limits import Limits
from src.model.extraction import Extracted

if TYPE_CHECKING:
    from PIL.Image import Image

PAGE_SECONDS = 30.0  # of one page; 1.6 is usual
LEAST_PIXELS = 5_000  # a smaller picture is a logo or a line: no word is read from it
LEAST_SIDE = 16  # pixels
MOST_SIDE = 32_000  # pixels; Tesseract refuses more than 32,767
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
    def of(cls, limits: Limits, ends_at: float) -> "Reader":
        """`ends_at`: when the time for the whole attachment is over (Budget)."""
        return cls(limits, min(time.monotonic() + limits.ocr.seconds, ends_at))

    def has_room(self) -> bool:
        """Tell whether one more page may be read; if not, the text is known to be cut."""
        has_room = self.pages_read < self.limits.ocr.pages and time.monotonic() < self.deadline
        self.is_cut = self.is_cut or not has_room
        return has_room

    def left_s(self) -> float:
        """Return the seconds left for one step of a page, at least one."""
        return max(1.0, self.deadline - time.monotonic())

    def read(self, picture: "Image | Path") -> str:
        """Return the text of a picture. Raises OcrUnavailableError, or NotExtractedError for a picture that cannot be
        read."""
        import pytesseract

        self.pages_read += 1
        try:
            text: str = pytesseract.image_to_string(
                str(picture) if isinstance(picture, Path) else picture,
                lang=self.limits.ocr.languages,
                config=_CONFIG,
                timeout=min(PAGE_SECONDS, self.left_s()),
            )
        except pytesseract.TesseractNotFoundError as error:
            raise OcrUnavailableError from error
        except pytesseract.TesseractError as error:
            if "Failed loading language" in str(error) or "could not load" in str(error).lower():
                raise OcrUnavailableError from error
            raise NotExtractedError("broken") from error
        except RuntimeError:  # what pytesseract raises when the time is over
            self.is_cut = True
            return ""
        return text


def fitting(picture: "Image", limits: Limits) -> "Image":
    """Return the picture in grey, scaled down to what is rendered at most."""
    factor = shrinking(picture.width, picture.height, limits)
    if factor < 1:
        picture = picture.resize((max(1, int(picture.width * factor)), max(1, int(picture.height * factor))))
    return picture.convert("L")


def shrinking(width: float, height: float, limits: Limits) -> float:
    """Return the factor, at most 1, by which a picture of this many pixels is scaled for OCR."""
    return min(1.0, math.sqrt(limits.render_pixels / (width * height)), MOST_SIDE / max(width, height))


def is_too_small(width: float, height: float) -> bool:
    """Tell whether a picture is too small to hold words."""
    return width * height < LEAST_PIXELS or min(width, height) < LEAST_SIDE
