"""Text from HTML attachments, through the linear tokenizer of src/text."""

from src.attachments.extractor import Content
from src.attachments.limits import Limits
from src.attachments.plain_text import as_extraction
from src.model.extraction import Extraction
from src.text import charsets
from src.text.html_text import html_to_text
from src.text.normalise import clean, cut


class Html:
    """Plays `Extractor` for HTML."""

    def extract(self, data: Content, limits: Limits) -> Extraction:
        head = data.first(limits.html_bytes)
        is_cut = len(head) < data.size_bytes
        found = charsets.decode(head, data.charset, is_cut=is_cut)
        text, was_cut = cut(clean(html_to_text(found.text)).strip(), limits.text_chars)
        return as_extraction(text, was_cut=was_cut or is_cut, charset=found.charset)
