"""Text of RTF files, by striprtf."""

from src.attachments.extractor import Content
from src.attachments.finish import finished
from src.attachments.limits import MB, Limits
from src.model.extraction import Extraction

SOURCE_BYTES = 8 * MB  # read; pictures in hex are most of a larger one


class Rtf:
    """Plays `Extractor` for RTF."""

    def extract(self, data: Content, limits: Limits) -> Extraction:
        text = text_of_rtf(data.first(SOURCE_BYTES))
        return finished(text, limits, was_cut=data.size_bytes > SOURCE_BYTES)


def text_of_rtf(source: bytes) -> str:
    """Return the text, not normalised."""
    from striprtf.striprtf import rtf_to_text

    text: str = rtf_to_text(source.decode("latin-1"), errors="ignore")  # type: ignore[no-untyped-call]
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # RTF says emoji in two halves
