"""HTML to the text that a reader sees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.text.html_text import html_to_text

PIECES = ["<", ">", "<p>", "</p>", "<br/>", "<!--", "-->", "<script>", "</script>", "<a href='", '"', "'", "&", "&amp;"]
any_html = st.lists(
    st.one_of(st.sampled_from([*PIECES, "&#", ";", "<td>", "<pre>", "<img alt=", " ", "\n"]), st.text())
).map("".join)


@given(any_html)
def test_any_source_gives_tidy_lines(html: str) -> None:
    text = html_to_text(html)
    assert "\n\n\n" not in text
    assert text == text.strip()
    assert len(text) <= len(html) * 3 + 10


@given(st.text(st.characters(categories=["L", "N"], max_codepoint=0x2FF), min_size=1))
def test_words_survive_any_markup_around_them(word: str) -> None:
    page = f"<html><head><style>p{{}}</style></head><body class='x'><div><p>a <b>{word}</b> z</p></div></body></html>"
    assert html_to_text(page) == f"a {word} z"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<div>one</div><div><br></div><div>two</div>", "one\n\ntwo"),  # how Gmail writes an empty line
        ("<div>one<br></div><div>two</div>", "one\ntwo"),
        ("one<br><br>two", "one\n\ntwo"),
        ("in<b>side</b> a word", "inside a word"),  # inline tags do not part words
        ("white \n\t space", "white space"),
        ("<ul><li>one<li>two</ul>", "- one\n- two"),
        ("<table><tr><td>1<td>2<tr><td>3<td>4</table>", "1\t2\n3\t4"),
        ("<a href='https://example.org'>the link's text</a>", "the link's text"),
        ("a<script>if (a < b) c()</script>b", "ab"),
        ("a<style>p > b {}</style>b", "ab"),
        ("<title>not shown</title>shown", "shown"),
        ("a<!-- <b>hidden</b> -->b", "ab"),
        ("a<!-- never closed", "a"),
        ("a<![if !mso]>b<![endif]>c", "abc"),
        ("<?xml version='1.0'?>a<!DOCTYPE html>b", "ab"),
        ("<P STYLE='x'>upper</P>", "upper"),
        ('<a title="1 > 0">b</a>', "b"),  # > inside quotes
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),  # no tags
        ("a & b &amp; c &lt;d&gt;", "a & b & c <d>"),
        ("&eacute;&#233;&#xE9;", "ééé"),
        ("&copy2026 &notit; &unknown;", "©2026 ¬it; &unknown;"),
        ("&#150;&#x80;", "–€"),  # cp1252, as browsers read them
        ("&#0;&#xD800;&#99999999;", "\ufffd\ufffd\ufffd"),
        ("&#999999999999999999999;", "\ufffd9999999999999;"),
        ("<pre>one\ntwo</pre>", "one\ntwo"),
        ("<img src=x alt='a picture'>", "a picture"),
        ("<span style='display:none'>hidden by CSS</span>", "hidden by CSS"),  # findable
        ("unfinished <a href=", "unfinished"),
        ("", ""),
    ],
)
def test_what_is_seen(html: str, text: str) -> None:
    assert html_to_text(html) == text
