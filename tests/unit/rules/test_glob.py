"""Patterns of rules: as people read them, and never slow."""

import re
import time

from hypothesis import example, given
from hypothesis import strategies as st

from src.rules.folding import folded
from src.rules.glob import Glob

LONG_CHARS = 1_000_000
FEW = st.text(alphabet="ab*İß", max_size=12)


@given(pattern=FEW, text=FEW)
@example(pattern="a*ab", text="aab")
@example(pattern="ab*ba", text="aba")  # beginning and end may not share a letter
@example(pattern="**", text="")
def test_it_matches_what_a_regular_expression_matches(pattern: str, text: str) -> None:
    expected = re.fullmatch(".*".join(map(re.escape, folded(pattern).split("*"))), folded(text), re.DOTALL)
    assert Glob.of(pattern).matches(folded(text)) == bool(expected)


@given(text=st.text(max_size=30), pattern=st.text(max_size=30))
def test_any_pattern_meets_any_text(text: str, pattern: str) -> None:
    assert Glob.of(pattern).matches(folded(text)) in (True, False)
    assert Glob.of(text.replace("*", "")).matches(folded(text.replace("*", "")))


def test_a_pattern_made_to_be_slow_is_not() -> None:
    began = time.process_time()
    for pattern in ("*a" * 500, "*" + "a" * 998 + "b", "*aab" * 250, "a*" * 499 + "b"):
        Glob.of(pattern).matches("a" * LONG_CHARS)
    assert time.process_time() - began < 1.0
