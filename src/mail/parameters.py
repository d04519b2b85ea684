"""Parameters of Content-Type and Content-Disposition: quoted, raw, RFC 2231 (with continuations) and RFC 2047."""

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from src.mail import encoded_words
from src.text import charsets

# One parameter. Possessive throughout: a failed try never scans a character twice.
_PARAMETER = re.compile(r""";\s*+([^\s=;"]++)\s*+=\s*+(?:"((?:[^"\\]++|\\.)*+)"?|([^;]*+))""")
# What most fields are: one plain parameter.
_SIMPLE = re.compile(r"""([\w.+/-]++); *+([\w-]++)="?([^\s";\\?]*+)"?\Z""", re.ASCII)
_ESCAPED = re.compile(r"\\(.)")
_SECTION = re.compile(r"([^*]++)\*(\d{1,4}+)?(\*)?\Z")


class Parameterised(NamedTuple):
    """A header value with parameters."""

    value: str  # lower case
    parameters: dict[str, str]  # lower-case name to decoded value


def read(text: str, max_parameters: int) -> Parameterised:
    """Return the value before the first semicolon and the parameters after it."""
    found = _SIMPLE.match(text)
    if found:
        return Parameterised(found[1].lower(), {found[2].lower(): found[3]})
    value, semicolon, _ = text.partition(";")
    parameters: dict[str, str] = {}
    if semicolon:
        sections: dict[str, dict[int, tuple[str, bool]]] = {}
        for count, found in enumerate(_PARAMETER.finditer(text, len(value))):
            if count >= max_parameters:
                break
            name, quoted, bare = found.groups()
            content = _unescaped(quoted) if quoted is not None else bare.strip()
            name = name.lower()
            section = _SECTION.match(name) if "*" in name else None
            if section:
                numbered = sections.setdefault(section[1], {})
                numbered.setdefault(int(section[2] or 0), (content, section[3] is not None or section[2] is None))
            elif name not in parameters:
                parameters[name] = encoded_words.decode(content) if "=?" in content else content
        for name, numbered in sections.items():
            parameters[name] = _joined(numbered)
    return Parameterised(value.strip().lower(), parameters)


def _unescaped(quoted: str) -> str:
    return _ESCAPED.sub(r"\1", quoted) if "\\" in quoted else quoted


def _joined(numbered: dict[int, tuple[str, bool]]) -> str:
    """Return the value of RFC 2231 sections: `charset'language'%xx`, split at will; extended sections are decoded."""
    ordered = [numbered[number] for number in sorted(numbered)]
    charset = ""
    first, is_extended = ordered[0]
    if is_extended and first.count("'") >= 2:
        charset, _, first = first.split("'", 2)
        ordered[0] = (first, True)
    data = b"".join(
        unquote_to_bytes(content) if extended else content.encode("utf-8", "replace") for content, extended in ordered
    )
    return charsets.decode(data, charset.lower()).text
