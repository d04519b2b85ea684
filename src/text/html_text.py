"""HTML to the text that a reader sees. A linear tokenizer, no tree: no input makes it slower than its size.

Steps: white space is collapsed (but for `<pre>`), the source is split at its tags by one regular expression, each tag
becomes the separator it stands for, entities are resolved, lines are tidied. Scripts, styles, titles and comments are
dropped; text hidden by CSS is kept, since it can be searched for and nothing here reads CSS.

Why it is linear: every quantifier is possessive or stops at `<`, so what a failed tag has scanned is at most the
stretch to the next `<`, and an unclosed comment or script takes all that follows at once.
"""

import re
from html.entities import html5

_RAW = "script|style|title|template|iframe|noframes|noembed|xml"
_ATTRIBUTES = r"""(?:[^<>"']++|"[^"<]*+"|'[^'<]*+'|["'])*+"""
_TAG = re.compile(
    r"<(?:"
    # a comment, up to its end or all the rest
    r"!--(?:[^-]++|-(?!->))*+(?:-->)?"
    # an element whose content is no text, up to its end tag or all the rest
    rf"|(?:{_RAW})\b{_ATTRIBUTES}>[^<]*+(?:<(?!/(?:{_RAW})\b)[^<]*+)*+(?:</[a-z]++[^<>]*+>?)?"
    # a tag: its name, with the slash of an end tag
    rf"|(/?[a-z][a-z0-9:]*+){_ATTRIBUTES}>?"
    # a declaration, a processing instruction, an end tag without a name
    r"|[!?/][^<>]*+>?"
    r")",
    re.IGNORECASE,
)
_PRE = re.compile(r"<pre\b[^<>]*+>[^<]*+(?:<(?!/pre\b)[^<]*+)*+", re.IGNORECASE)
_ALT = re.compile(r"""<img\b[^<>]*?\balt\s*=\s*(?:"([^"<>]{1,500})"|'([^'<>]{1,500})')[^<>]*+>""", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#([0-9]{1,8})|#[xX]([0-9a-fA-F]{1,7})|([a-zA-Z][a-zA-Z0-9]{1,31}));?")
_BLOCK, _PARAGRAPH = "\x01", "\x02"  # stand for the edge of a block until all text is together
_BREAKS = re.compile(r"([\n\x01\x02][ \n\x01\x02]*+)")
_BLANK_LINES = re.compile(r"\n{3,}")
_CELLS = re.compile(r" *+\t[ \t]*+")

_BLOCKS = (
    "address article aside blockquote body center dd details dialog div dl dt fieldset figcaption figure footer form "
    "header hr html legend main nav option section summary table tbody tfoot thead tr ul ol caption"
)
_PARAGRAPHS = "p h1 h2 h3 h4 h5 h6 pre"
_SEPARATORS: dict[str | None, str] = {
    None: "",
    **{slash + name: _BLOCK for name in _BLOCKS.split() for slash in ("", "/")},
    **{slash + name: _PARAGRAPH for name in _PARAGRAPHS.split() for slash in ("", "/")},
    "br": "\n",
    "td": "\t",
    "th": "\t",
    "li": _BLOCK + "- ",
    "/li": _BLOCK,
}
_SEPARATORS.update({name.upper(): text for name, text in _SEPARATORS.items() if name})


def html_to_text(html: str) -> str:
    """Return the text of `html`, one line for each block, table cells apart by a tab; not normalised otherwise."""
    if "<pre" in html or "<PRE" in html:
        html = _PRE.sub(lambda found: found[0].replace("\n", "<br>").replace(" ", "&nbsp;"), html)
    html = " ".join(html.split())
    if "alt" in html or "ALT" in html:
        html = _ALT.sub(lambda found: f" {found[1] or found[2]} ", html)
    pieces = _TAG.split(html)
    pieces[1::2] = [_SEPARATORS[name] if name in _SEPARATORS else _separator(name) for name in pieces[1::2]]
    text = "".join(pieces)
    if "&" in text:
        text = _ENTITY.sub(_entity, text)
    return _tidied(text)


def _separator(name: str) -> str:
    return _SEPARATORS.get(name.lower(), "")


def _tidied(text: str) -> str:
    """Strip every line, resolve the breaks, keep at most one empty line in a row."""
    if "\t" in text:
        text = _CELLS.sub("\t", text)
    pieces = _BREAKS.split(text)
    pieces[::2] = map(str.strip, pieces[::2])
    pieces[1::2] = map(_lines, pieces[1::2])
    text = "".join(pieces)
    return (_BLANK_LINES.sub("\n\n", text) if "\n\n\n" in text else text).strip()


def _lines(breaks: str) -> str:
    """Return the line ends for a run of breaks: neighbouring blocks share one, `<br>` after text ends its line only."""
    count = breaks.count("\n") + (breaks[0] != "\n")
    return "\n\n" if _PARAGRAPH in breaks else "\n" * count


def _entity(found: re.Match[str]) -> str:
    decimal, hexadecimal, name = found.groups()
    if name:
        return _named(found[0], name)
    number = int(decimal) if decimal else int(hexadecimal, 16)
    if 0x80 <= number <= 0x9F:  # browsers read these as cp1252
        return bytes([number]).decode("cp1252", "ignore")
    if number == 0 or 0xD800 <= number <= 0xDFFF or number > 0x10FFFF:
        return "\ufffd"
    return chr(number)


def _named(whole: str, name: str) -> str:
    text = html5.get(name + ";") if whole.endswith(";") else None
    if text is not None:
        return text
    # Without the semicolon only the old names count, and the longest that fits: `&copy2020` is © and 2020.
    for length in range(min(len(name), 6), 1, -1):
        text = html5.get(name[:length])
        if text is not None:
            return text + whole[1 + length :]
    return whole
