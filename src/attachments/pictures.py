"""Text of pictures: PNG, JPEG, TIFF, WebP, GIF, BMP, HEIC, AVIF; frame after frame, turned as a viewer turns them."""

import warnings

from src.attachments.extractor import Content, NotExtractedError
from src.attachments.finish import finished
from src.attachments.limits import Limits
from src.attachments.ocr import Reader, fitting, is_too_small
from src.model.extraction import Extracted, Extraction

HEIC = "image/heic"
_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP", "AVIF")


class Picture:
    """Plays `Extractor` for pictures."""

    def extract(self, data: Content, limits: Limits) -> Extraction:
        from PIL import Image, ImageOps, ImageSequence

        formats = _load_heif() if data.content_type == HEIC else _FORMATS
        Image.MAX_IMAGE_PIXELS = None  # the bound here is ours, and is looked at before anything is decoded
        with data.open() as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of broken metadata
            with Image.open(file, formats=formats) as picture:
                width, height = picture.size
                if width * height > limits.image_pixels:
                    raise NotExtractedError("too_many_pixels", outcome=Extracted.SKIPPED)
                if is_too_small(width, height):
                    raise NotExtractedError("too_small_for_text", outcome=Extracted.SKIPPED)
                known: dict[str, str | int] = {"width": width, "height": height}
                reader, texts = Reader.of(limits, data.budget.ends_at), []
                for number, frame in enumerate(ImageSequence.Iterator(picture)):
                    if number >= limits.image_frames:
                        reader.is_cut = True
                        break
                    if frame.width * frame.height > limits.image_pixels or not reader.has_room():
                        reader.is_cut = True
                        break
                    texts.append(reader.read(fitting(ImageOps.exif_transpose(frame), limits)))
        known["frames"] = len(texts)
        return finished("\n\n".join(texts), limits, known, was_cut=reader.is_cut)


def _load_heif() -> tuple[str, ...]:
    """Teach Pillow the pictures of telephones, and return its names for what they may be: the bytes that tell them are
    sometimes those of AVIF as well. libheif has bounds of its own."""
    import pi_heif

    pi_heif.options.DECODE_THREADS = 1
    pi_heif.register_heif_opener(thumbnails=False)
    return ("AVIF", "HEIF")
