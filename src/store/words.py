"""How text becomes words for full-text search: one rule for both databases, for what is stored and what is asked.

A word is a run of letters and digits, without case and accents. Scripts that write no spaces (Chinese, Japanese, Thai,
Lao, Khmer, Burmese) count each character as a word, and a query of several is a phrase. Only non-ASCII runs are folded
here; ASCII is left to FTS5's `ascii` tokenizer, and to `split_words` for PostgreSQL, which treat it alike.
"""

import codecs
import unicodedata
from functools import cache

_UNSPACED = (  # first and last code point of scripts whose characters count as words
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0x20000, 0x3FFFF),
)
_HANGUL = (0xAC00, 0xD7A3)  # stays composed, or each syllable would become three letters
_MAX_REMEMBERED = 65_536  # folded characters kept; all scripts in use need less


class _Folding(dict[int, str]):
    """Code point to what it becomes, found when first asked for."""

    def __missing__(self, code: int) -> str:
        folded = _fold_character(code)
        if len(self) < _MAX_REMEMBERED:
            self[code] = folded
        return folded


_folding = _Folding()

# Bytes of UTF-8: ASCII letters lower-case, other ASCII but digits a space, the rest as it is.
_TO_WORDS = bytes(
    ord(chr(byte).lower()) if byte < 128 and chr(byte).isalnum() else 32 if byte < 128 else byte for byte in range(256)
)


def folded(text: str) -> bytes:
    """Return clean `text` in UTF-8 with its non-ASCII characters folded: no accents, no case, separators as spaces."""
    if text.isascii():
        return text.encode()
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    return text.encode("ascii", _handler_name())


def split_words(folded_text: bytes) -> list[bytes]:
    """Return the words of a folded text, in UTF-8, in order."""
    return folded_text.translate(_TO_WORDS).split()


@cache
def _handler_name() -> str:
    # Encoding to ASCII finds the few characters that need folding ten times faster than a regular expression: the
    # encoder calls this for each run of them.
    name = "src.store.words.fold"
    codecs.register_error(name, _fold_run)
    return name


def _fold_run(error: UnicodeError) -> tuple[bytes, int]:
    assert isinstance(error, UnicodeEncodeError)
    return error.object[error.start : error.end].translate(_folding).encode(), error.end


def _fold_character(code: int) -> str:
    if _HANGUL[0] <= code <= _HANGUL[1]:
        return chr(code)
    # What one character stands for may be several words (U+32FF is two of Han), or Hangul in pieces (U+320E).
    parts = unicodedata.normalize("NFKD", chr(code)).casefold()
    return unicodedata.normalize("NFC", "".join(map(_fold_part, parts)))


def _fold_part(part: str) -> str:
    category = unicodedata.category(part)
    if category in ("Mn", "Cf"):
        return ""  # accents and vowel points; joiners inside words
    if category[0] not in "LN" and category not in ("Mc", "Co"):
        return " "
    return f" {part} " if any(first <= ord(part) <= last for first, last in _UNSPACED) else part
