"""Search texts, and the snippet that shows what was found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.store.postgres_search import to_tsquery
from src.store.query import MAX_TERMS, Query, Term, parse_query
from src.store.snippet import AROUND_CHARS, make_snippet
from src.store.sqlite_search import match_expression


def term(*words: str, is_prefix: bool = False) -> Term:
    return Term(words, is_prefix)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Harbour master", Query((term("harbour"), term("master")), ())),
        ('"Harbour master" x', Query((term("harbour", "master"), term("x")), ())),
        ('"never closed', Query((term("never", "closed"),), ())),
        ("harb*", Query((term("harb", is_prefix=True),), ())),
        ("a-b*", Query((term("a", "b", is_prefix=True),), ())),  # the hyphen splits, it does not exclude
        ('-out -"of it" in', Query((term("in"),), (term("out"), term("of", "it")))),
        ("ada@example.org", Query((term("ada", "example", "org"),), ())),
        ('- -- * "" \'', Query((), ())),
        ("w " * 100, Query((term("w"),) * MAX_TERMS, ())),
    ],
)
def test_a_text_is_read_as_its_user_means_it(text: str, query: Query) -> None:
    assert parse_query(text) == query


def test_expressions_are_quoted_for_each_database() -> None:
    query = parse_query('near "a b" pre* -not')

    assert match_expression(query) == '("near" AND "a b" AND "pre" *) NOT ("not")'
    assert to_tsquery(query) == "('near') & ('a' <-> 'b') & ('pre':*) & !('not')"


@given(st.text())
def test_any_text_is_a_query_whose_words_hold_no_syntax(text: str) -> None:
    query = parse_query(text)

    assert all(not set(word) & set("'\"\\ :*&|!()\0") for part in query.wanted + query.unwanted for word in part.words)


@pytest.mark.parametrize(
    ("query", "texts", "snippet"),
    [
        ("walrus", ["The WALRUS, and the carpenter"], "The «WALRUS», and the carpenter"),
        ("wal*", ["the walruses came"], "the «walruses» came"),
        ("wal", ["the walruses came"], "the walruses came"),  # not a word of it: the beginning
        ('"the walrus"', ["See: the -- walrus."], "See: «the -- walrus»."),
        ("cafe", ["Das Café schließt"], "Das «Café» schließt"),
        ("北京", ["明天在北京开会"], "明天在«北京»开会"),
        ("walrus", ["nothing", "a walrus in the file"], "a «walrus» in the file"),
        ("i", ["İ and i"], "«İ» and i"),  # lower-case İ is two characters long
        ("walrus", [], ""),
    ],
)
def test_the_snippet_marks_the_match(query: str, texts: list[str], snippet: str) -> None:
    assert make_snippet(parse_query(query), texts) == snippet


@given(
    st.text(st.sampled_from('ab* "-é京İ '), max_size=12), st.lists(st.text(st.sampled_from("ab é京İ-\n"), max_size=300))
)
def test_any_snippet_is_one_short_line(query: str, texts: list[str]) -> None:
    snippet = make_snippet(parse_query(query), texts)

    assert "\n" not in snippet
    assert len(snippet) <= 2 * AROUND_CHARS + 304
