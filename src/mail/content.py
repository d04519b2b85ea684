"""What a header block says about its part: type, parameters, transfer encoding, disposition.

Most parts of a mailbox begin with one of a few dozen short blocks (`Content-Type: text/html; charset="utf-8"`, and an
encoding), so short ones are read once and remembered. What is remembered is never changed by anyone, and is bounded.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from src.mail import headers as header_block
from src.mail import parameters, transfer
from src.mail.headers import Headers
from src.mail.limits import Limits

REMEMBERED_BLOCKS = 512  # under 2 MB in all
REMEMBERED_BYTES = 256  # of one block; the short ones are those that come again

_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+'*-]{1,127}/[a-z0-9!#$&^_.+'*-]{1,127}\Z")  # RFC 6838 section 4.2
_USUAL_TYPES = frozenset({"text/plain", "text/html", "multipart/alternative", "multipart/mixed", "multipart/related"})
_WORD_END = re.compile(r"[\s;(,]")
NO_PARAMETERS: dict[str, str] = {}


class Content(NamedTuple):
    """The header block of a part, and its Content-* fields with their meaning."""

    headers: Headers
    stop: int | None  # where in the block the body begins already; None: after its empty line
    type: str  # lower case; empty if missing or malformed
    parameters: dict[str, str]
    encoding: str  # lower case
    disposition: str  # lower case; empty if none
    disposition_parameters: dict[str, str]


def read(block: bytes, limits: Limits) -> Content:
    """Read a header block."""
    # Bytes above 127 are not remembered: reading such a field may add to the defects of its Headers.
    if len(block) <= REMEMBERED_BYTES and block.isascii():
        return _remembered(block, limits)
    return _read(block, limits)


def _read(block: bytes, limits: Limits) -> Content:
    headers, stop = header_block.read(block, limits)
    media_type, type_parameters = "", NO_PARAMETERS
    value = headers.raw("content-type")
    if value:
        media_type, type_parameters = parameters.read(value, limits.parameters)
        if media_type not in _USUAL_TYPES and not _MEDIA_TYPE.match(media_type):
            media_type = _repaired_type(media_type)
    disposition, disposition_parameters = "", NO_PARAMETERS
    value = headers.raw("content-disposition")
    if value:
        disposition, disposition_parameters = parameters.read(value, limits.parameters)
    encoding = headers.fields.get("content-transfer-encoding", "").lower()
    if encoding and not transfer.is_known(encoding):
        # Comments, parameters and quotes occur: the first word counts.
        encoding = _WORD_END.split(encoding.strip("\"' "), maxsplit=1)[0]
    return Content(headers, stop, media_type, type_parameters, encoding, disposition, disposition_parameters)


_remembered = lru_cache(maxsize=REMEMBERED_BLOCKS)(_read)


def _repaired_type(value: str) -> str:
    """`text` alone and types with stray words occur."""
    first = value.partition(" ")[0]
    return first if _MEDIA_TYPE.match(first) else ""
