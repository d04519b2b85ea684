"""Words: what counts as one, and that nothing is too strange."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from src.store.words import folded, split_words


def words(text: str) -> list[str]:
    return [word.decode() for word in split_words(folded(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World_2!", ["hello", "world", "2"]),
        ("Café CRÈME Straße", ["cafe", "creme", "strasse"]),  # no accents, no case
        (unicodedata.normalize("NFD", "Café"), ["cafe"]),  # an accent as a character of its own
        ("Привет, МИР", ["привет", "мир"]),
        ("Ελλάδα", ["ελλαδα"]),
        ("北京2026年", ["北", "京", "2026", "年"]),  # no spaces: each character is a word
        ("สวัสดี", ["ส", "ว", "ส", "ด"]),  # Thai vowel points are accents
        ("한국어 문서", ["한국어", "문서"]),
        ("किताब", ["किताब"]),  # vowel signs belong to the word
        ("ﬁle ＡＢＣ ①", ["file", "abc", "1"]),  # ligature, full width, circled
        ("“quoted”—dash…", ["quoted", "dash"]),
        ("soft\u00adhyphen zero\u200bwidth", ["softhyphen", "zerowidth"]),
        ("a@b.example", ["a", "b", "example"]),
        ("🎉 party 🎉", ["party"]),
        ("", []),
    ],
)
def test_words_are_split_and_folded(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@example("\u32ff")  # one character that stands for two
@example("\u320e")  # Hangul in brackets, which decomposes into letters
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_folds_to_words_that_fold_to_themselves(text: str) -> None:
    found = words(text)

    assert words(" ".join(found)) == found
    assert all(
        character.isalnum() or unicodedata.category(character)[0] in "MCNL" for word in found for character in word
    )


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_is_split_by_the_same_rule_as_the_rest(text: str) -> None:
    assert words(text) == words(text + " é")[:-1]
