"""The text around a match, with the match in «»."""

import re
from collections.abc import Sequence

from src.store.query import Query, Term
from src.store.words import folded, split_words

AROUND_CHARS = 60  # before and after the match
SCANNED_CHARS = 100_000  # of one text; a match beyond is shown without its surroundings

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
    """Return where the term's first word, or all of its phrase, lies in `text`."""
    if all(word.isascii() for word in term.words):
        tail = r"\w*" if term.is_prefix else r"(?![^\W_])"
        phrase = r"[\W_]+".join(map(re.escape, term.words))
        found = re.search(rf"(?<![^\W_]){phrase}{tail}", text, re.IGNORECASE | re.ASCII)
        if found:
            return found.span()
    return _find_folded(term, text)


def _find_folded(term: Term, text: str) -> tuple[int, int] | None:
    # Accents were folded away, so the words are compared one by one; only for texts that have any.
    if text.isascii():
        return None
    unspaced = "".join(term.words)
    if len(term.words) > 1 and unspaced in text:  # scripts without spaces
        start = text.index(unspaced)
        return start, start + len(unspaced)
    for word in _WORD.finditer(text):
        parts = [part.decode() for part in split_words(folded(word[0]))]
        if term.words[0] in parts or (term.is_prefix and any(part.startswith(term.words[0]) for part in parts)):
            return word.span()
    return None


def _around(text: str, start: int, end: int) -> str:
    first, last = max(0, start - AROUND_CHARS), min(len(text), end + AROUND_CHARS)
    before, after = text[first:start], text[end:last]
    marked = f"{before}«{text[start:end]}»{after}"
    return f"{'…' if first else ''}{_one_line(marked)}{'…' if last < len(text) else ''}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
