"""One form for every text that is stored: NFC, plain line ends, no control characters, cut at a limit with a mark.

Kept on purpose: the bidi controls of bodies (they order Arabic and Hebrew text rightly) and the zero-width joiners
(Persian, emoji). Dropped on purpose: soft hyphen, zero-width space and byte order mark, which only hide words from a
search. No-break spaces become spaces. In one-line texts (headers, names) the bidi overrides go too: there they serve
only to make one name look like another.
"""

import re
import unicodedata
from functools import cache

CUT_MARK = "\n[…]"  # ends a text that was cut, so that nobody takes it for the whole

MAX_MARKS = 30  # combining marks in a row; no language needs more (Unicode Standard Annex 15, section 13)

_LINE_ENDS = re.compile("[\x85\u2028\u2029]")
_DROPPED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u200b\u2060\ufeff\ufff9-\ufffb\ud800-\udfff]+")
_SPACES = re.compile("[\xa0\u2007\u202f]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]+")
_ASCII_CONTROLS = bytes([*range(9), 11, 12, *range(14, 32), 127])


def clean(text: str) -> str:
    """Return `text` in the stored form, with its lines kept (CR CR LF ends one line, not two); idempotent."""
    if text.isascii():
        return clean_ascii(text.encode("ascii"))
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    if not text.replace("\n", "").isprintable():  # printable: nothing in it is a control, format or space character
        text = _LINE_ENDS.sub("\n", text)
        text = _SPACES.sub(" ", _DROPPED.sub("", text))
    return text if unicodedata.is_normalized("NFC", text) else _composed(text)


def clean_ascii(data: bytes) -> str:
    """Return the text of ASCII bytes in the stored form: what `clean` makes of it, in a quarter of the time."""
    data = data.translate(None, _ASCII_CONTROLS)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data.decode("ascii")


def _composed(text: str) -> str:
    """Return `text` in NFC. Sorting a long run of combining marks takes quadratic time, so such runs are cut first."""
    return unicodedata.normalize("NFC", _long_mark_runs().sub(lambda found: found[0][:MAX_MARKS], text))


@cache
def _long_mark_runs() -> re.Pattern[str]:
    marks = "".join(chr(point) for point in range(0x300, 0x1F000) if unicodedata.combining(chr(point)))
    return re.compile(f"[{marks}]{{{MAX_MARKS + 1},}}+")


def one_line(text: str, max_chars: int) -> str:
    """Return `text` on one line of at most `max_chars`, white space collapsed, without bidi overrides."""
    if len(text) <= max_chars and text.isascii() and text.isprintable() and "  " not in text:
        return text.strip(" ")  # the common case
    line = " ".join(clean(text[: max_chars * 4]).split())
    if not line.isascii():
        line = _BIDI.sub("", line)
    return line[:max_chars].rstrip()


def cut(text: str, max_chars: int) -> tuple[str, bool]:
    """Return `text` with at most `max_chars` characters, the mark included, and whether it was cut."""
    if len(text) <= max_chars:
        return text, False
    return text[: max(0, max_chars - len(CUT_MARK))].rstrip() + CUT_MARK[-max_chars:], True
