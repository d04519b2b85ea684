"""The text around a match, with the match in «»."""

import re
from collections.abc import Sequence

from src.store.query import Query, Term
from src.store.words import folded, split_words

AROUND_CHARS = 60  # before and after the match
SCANNED_CHARS = 50_000  # of one text; a match beyond is shown without its surroundings

_WORD = re.compile(r"[^\W_]+")


def make_snippet(query: Query, texts: Sequence[str]) -> str:
    """Return a line of the first of `texts` that holds one of the wanted terms; else the beginning of the last."""
    for text in texts:
        for term in query.wanted:
            span = _find(term, text[:SCANNED_CHARS])
            if span:
                return _around(text, *span)
    return _one_line(texts[-1][: AROUND_CHARS * 2]) if texts else ""


def _find(term: Term, text: str) -> tuple[int, int] | None:
    """Return where the term lies in `text`; of a phrase with accents, where its first word lies."""
    lower = text.lower()
    if len(lower) == len(text):  # a few characters grow when they become lower-case: then positions do not fit
        found = _find_as_written(term, lower)
        if found:
            return found
    return None if text.isascii() else _find_folded(term, text)


def _find_as_written(term: Term, lower: str) -> tuple[int, int] | None:
    # Plain find is far faster than a regular expression without case.
    first, *others = term.words
    start = lower.find(first)
    while start >= 0:
        if start == 0 or not lower[start - 1].isalnum():
            end = _end_of_term(others, lower, start + len(first), is_prefix=term.is_prefix)
            if end is not None:
                return start, end
        start = lower.find(first, start + 1)
    return None


def _end_of_term(others: Sequence[str], lower: str, end: int, *, is_prefix: bool) -> int | None:
    for word in others:
        start = end
        while start < len(lower) and not lower[start].isalnum():
            start += 1
        if start == end or not lower.startswith(word, start):
            return None
        end = start + len(word)
    if not is_prefix:
        return None if end < len(lower) and lower[end].isalnum() else end
    while end < len(lower) and lower[end].isalnum():
        end += 1
    return end


def _find_folded(term: Term, text: str) -> tuple[int, int] | None:
    unspaced = "".join(term.words)
    if len(term.words) > 1 and unspaced in text:  # scripts without spaces
        start = text.index(unspaced)
        return start, start + len(unspaced)
    first = term.words[0].encode()
    if first not in folded(text).lower():
        return None
    for word in _WORD.finditer(text):
        parts = split_words(folded(word[0]))
        if first in parts or (term.is_prefix and any(part.startswith(first) for part in parts)):
            return word.span()
    return None


def _around(text: str, start: int, end: int) -> str:
    first, last = max(0, start - AROUND_CHARS), min(len(text), end + AROUND_CHARS)
    before, after = text[first:start], text[end:last]
    marked = f"{before}«{text[start:end]}»{after}"
    return f"{'…' if first else ''}{_one_line(marked)}{'…' if last < len(text) else ''}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
