"""What a search text asks for. Any text is a query; one without a word to look for finds nothing.

Words must all occur; `"…"` is a phrase, `word*` a prefix, `-word` excludes. A word of several (`a-b`, a mail address,
Chinese) is a phrase too.
"""

import re
from typing import NamedTuple

from src.store.bounds import clean
from src.store.words import folded, split_words

MAX_QUERY_CHARS = 1_000  # the rest is ignored
MAX_TERMS = 32  # further ones are ignored

_TERM = re.compile(r'(?P<minus>(?<!\S)-)?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')


class Term(NamedTuple):
    """One thing that must, or must not, occur."""

    words: tuple[str, ...]  # folded, at least one; several are a phrase
    is_prefix: bool  # the last word may go on


class Query(NamedTuple):
    """What is looked for. Nothing is found without a wanted term."""

    wanted: tuple[Term, ...]
    unwanted: tuple[Term, ...]


def parse_query(text: str) -> Query:
    """Read a search text; never raises."""
    wanted: list[Term] = []
    unwanted: list[Term] = []
    for match in _TERM.finditer(clean(text[:MAX_QUERY_CHARS])):
        term = _term(match)
        if term is not None and len(wanted) + len(unwanted) < MAX_TERMS:
            (unwanted if match["minus"] else wanted).append(term)
    return Query(tuple(wanted), tuple(unwanted))


def _term(match: re.Match[str]) -> Term | None:
    text = match["word"] if match["phrase"] is None else match["phrase"]
    words = tuple(word.decode() for word in split_words(folded(text)))
    if not words:
        return None
    return Term(words, is_prefix=match["phrase"] is None and text.endswith("*"))
