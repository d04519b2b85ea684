"""RFC 2047 encoded words to text, in one pass whose time grows with the length only.

More lenient than the RFC, as readers are: words may be longer, hold spaces, touch their neighbours, and split a
character between two words of the same charset.
"""

import binascii
import re

import pybase64

from src.mail.transfer import decode as undo_transfer
from src.text import charsets

# `=?charset?B?text?=`. Possessive and, since `decode` cuts off what follows the last `?=`, it never scans in vain.
_WORD = re.compile(r"=\?([^?\s]{1,80}+)\?([BbQq])\?([^?]*+(?:\?(?!=)[^?]*+)*+)\?=")


def decode(value: str) -> str:
    """Return a header value with its encoded words decoded; white space between two encoded words is dropped."""
    last = value.rfind("?=")
    if last < 0 or "=?" not in value:
        return value
    return _decode_words(value[: last + 2]) + value[last + 2 :]


def _decode_words(value: str) -> str:
    texts: list[str] = []
    pending = b""  # bytes of the words so far that share `charset`
    charset = ""
    position = 0
    for word in _WORD.finditer(value):
        start, end = word.span()
        label, kind, text = word.groups()
        between = value[position:start]
        position = end
        label = (label.partition("*")[0] if "*" in label else label).lower()  # RFC 2231 section 5: charset*language
        is_apart = between != "" and not between.isspace()
        if pending and (is_apart or label != charset):
            texts.append(charsets.decode(pending, charset).text)
            pending = b""
            texts.append(between if is_apart else "")
        elif is_apart or (not texts and not charset):
            texts.append(between)
        pending += _bytes_of(text, kind)
        charset = label
    if pending:
        texts.append(charsets.decode(pending, charset).text)
    texts.append(value[position:])
    return "".join(texts)


def _bytes_of(text: str, kind: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if kind in "Qq":
        return binascii.a2b_qp(data, header=True)
    try:
        return pybase64.b64decode(data, validate=True)
    except binascii.Error:
        return undo_transfer(data, "base64").data
