"""Bytes to text, whatever the label says: a mail's charset is a hint from a stranger, and sometimes an attack.

Order: the declared charset, if it is on the allow-list (charset_labels.py); strict UTF-8; ISO-2022 escapes; the
declared one again, with a few characters replaced; a detector on the first 64 KiB; at last cp1252, which always gives
something. The result may hold control characters (see `normalise`), but never a lone surrogate or a NUL.
"""

import codecs
import re
from typing import Literal, NamedTuple

from src.text.charset_labels import codec_for

DETECTOR_BYTES = 64 * 1024  # what the detector sees; more does not make it surer, only slower
MIN_CONFIDENCE = 0.2  # below it the detector guesses, and cp1252 is the better guess
GOOD_CHARS_PER_BAD = 100  # the declared charset is kept if at most 1 in so many characters is unreadable

Trouble = Literal["", "unknown_charset", "undecodable"]

# Codecs in which bytes below 128 may mean something else than ASCII.
_NOT_ASCII_LIKE = frozenset({"utf-7", "hz", "utf-16", "utf-16-le", "utf-16-be", "utf-32"})
# The usual ones of which it is certain, so that nobody has to look for lone surrogates.
_WITHOUT_SURROGATES = frozenset({"ascii", "utf-8", "cp1252"})
_ISO_2022 = (
    (re.compile(rb"\x1b\$\)C"), "iso2022_kr"),
    (re.compile(rb"\x1b(?:\$[@AB(]|\([IJ]|\.[AF])"), "iso2022_jp_2"),
)
_SURROGATES = re.compile("[\ud800-\udfff]")


class Decoded(NamedTuple):
    """Text, and how it was found."""

    text: str
    charset: str  # the Python codec that read it
    trouble: Trouble  # unknown_charset: label not allowed; undecodable: the label was wrong, or bytes were replaced


def decode(data: bytes, declared: str = "", *, is_cut: bool = False) -> Decoded:
    """Return `data` as text; never raises. `is_cut`: the end may lie inside a character, which is then dropped."""
    codec = codec_for(declared) if declared else ""
    trouble: Trouble = "unknown_charset" if declared and not codec else ""
    if data.isascii() and b"\x1b" not in data and codec not in _NOT_ASCII_LIKE:
        return Decoded(data.decode("ascii").replace("\0", ""), codec or "ascii", trouble)
    if codec in ("", "ascii", "utf-8") and data.isascii():
        codec = _iso_2022(data) or codec  # escapes in plain ASCII: mail of before UTF-8, often without a label
    if codec:
        text = _strict(data, codec, is_cut)
        if text is not None:
            return Decoded(text, codec, "")
    if trouble:
        return _guess(data, "", is_cut)._replace(trouble=trouble)
    return _guess(data, codec, is_cut)


def _guess(data: bytes, declared_codec: str, is_cut: bool) -> Decoded:
    """Decode what its label did not: nothing declared, not allowed, or wrong."""
    trouble: Trouble = "undecodable" if declared_codec else ""
    text = _strict(data, "utf-8", is_cut)
    if text is not None:
        return Decoded(text, "utf-8", trouble)
    codec = _iso_2022(data)
    if codec:
        return Decoded(_clean(data.decode(codec, "replace")), codec, trouble)
    if declared_codec:
        text = data.decode(declared_codec, "replace")
        if text.count("\ufffd") * GOOD_CHARS_PER_BAD <= len(text):
            return Decoded(_clean(text), declared_codec, trouble)
    codec = _detected(data)
    text = _strict(data, codec, is_cut) if codec else None
    if text is not None:
        return Decoded(text, codec, trouble)
    return Decoded(_clean(data.decode("cp1252", "replace")), "cp1252", "undecodable")


def _iso_2022(data: bytes) -> str:
    return next((codec for escape, codec in _ISO_2022 if escape.search(data)), "")


def _detected(data: bytes) -> str:
    import chardet  # needed for few mails, and takes 1 to 2 MB of a producer that has 80

    found = chardet.detect(data[:DETECTOR_BYTES])
    label, confidence = found["encoding"], found["confidence"]
    return codec_for(label.lower()) if label and confidence >= MIN_CONFIDENCE else ""


def _strict(data: bytes, codec: str, is_cut: bool) -> str | None:
    """Decode without any replacement; None if that cannot be done."""
    try:
        if is_cut:
            return _clean(codecs.getincrementaldecoder(codec)("strict").decode(data, False))
        text = data.decode(codec)
        return text.replace("\0", "") if codec in _WITHOUT_SURROGATES else _clean(text)
    except UnicodeError:
        if codec != "cp1252":
            return None
        # Five bytes mean nothing in cp1252: the labels it stands for are then taken at their word.
        return _clean(data.decode("latin-1"))


def _clean(text: str) -> str:
    """Replace lone surrogates (utf-7 and others can give them) and drop NUL."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = _SURROGATES.sub("\ufffd", text)
    return text.replace("\0", "") if "\0" in text else text
