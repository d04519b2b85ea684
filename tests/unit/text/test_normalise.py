"""One form for all stored text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.text.normalise import CUT_MARK, MAX_MARKS, clean, cut, one_line

any_text = st.text(
    st.one_of(st.characters(), st.sampled_from("\r\n\t\0\x0b\x85\u2028\u200b\u202e\xa0\xad\ud800é\u0301"))
)


@given(any_text)
def test_clean_text_is_clean_and_stays_so(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert unicodedata.is_normalized("NFC", cleaned)
    cleaned.encode("utf-8")
    assert all(character in "\n\t" or unicodedata.category(character) != "Cc" for character in cleaned)


@given(any_text, st.integers(1, 50))
def test_one_line_is_one_line_within_its_limit(text: str, max_chars: int) -> None:
    line = one_line(text, max_chars)
    assert len(line) <= max_chars
    assert line == " ".join(line.split())
    assert len(line.splitlines()) <= 1


@given(any_text, st.integers(1, 50))
def test_a_cut_text_says_so(text: str, max_chars: int) -> None:
    kept, was_cut = cut(text, max_chars)
    assert len(kept) <= max_chars
    assert was_cut == (len(text) > max_chars)
    assert not was_cut or kept.endswith(CUT_MARK[-max_chars:])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\rc\nd", "a\nb\nc\nd"),  # line ends
        ("ü\r\nb\u2028c", "ü\nb\nc"),
        ("a\x00\x07\x1b[0m\x7f", "a[0m"),  # control characters
        ("u\u0308", "ü"),  # composed
        ("soft\xadhyphen zero\u200bwidth", "softhyphen zerowidth"),  # would hide the words from a search
        ("no\xa0break", "no break"),
        ("نص\u200cعربی", "نص\u200cعربی"),  # zero-width non-joiner: Persian needs it
        ("\u202bעברית\u202c", "\u202bעברית\u202c"),  # bidi controls order text in bodies
        ("tab\tstays", "tab\tstays"),
    ],
)
def test_what_goes_and_what_stays(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_one_line_drops_bidi_overrides() -> None:
    assert one_line("gpj.\u202eexe", 100) == "gpj.exe"


def test_long_runs_of_combining_marks_are_cut() -> None:
    """Sorting them takes quadratic time in the standard library."""
    assert len(clean("a" + "\u0316\u0301" * 100_000)) <= MAX_MARKS + 1
