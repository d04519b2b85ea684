"""Bytes become text whatever the label says, cleanly and in bounded time."""

import codecs
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.mail_phrases import LANGUAGES
from src.text.charset_labels import codec_for, codecs_allowed
from src.text.charsets import decode

ATTACKS = ["punycode", "idna", "undefined", "unicode_escape", "raw_unicode_escape", "rot13", "base64", "zlib", "mbcs"]


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_every_language_comes_back_from_each_of_its_charsets(language: object) -> None:
    assert hasattr(language, "charsets")
    for charset in language.charsets:
        text = "\n".join((*language.subjects, *language.sentences))  # type: ignore[attr-defined]
        assert decode(text.encode(charset), charset)[::2] == (text, ""), charset


@given(st.binary(max_size=200), st.sampled_from([*sorted(codecs_allowed()), "", "x-unknown", *ATTACKS]), st.booleans())
def test_any_bytes_under_any_label_give_clean_text(data: bytes, label: str, is_cut: bool) -> None:
    text = decode(data, label, is_cut=is_cut).text
    text.encode("utf-8")  # raises for a lone surrogate
    assert "\0" not in text


@pytest.mark.parametrize("label", ATTACKS)
def test_a_label_off_the_list_never_reaches_its_codec(label: str) -> None:
    began = time.process_time()
    found = decode(b"a-" + b"z\\ud800" * 100_000 + b"\xff", label)
    assert found.trouble == "unknown_charset"
    assert time.process_time() - began < 2.0  # punycode would take ten seconds and more


@pytest.mark.parametrize("codec", sorted(codecs_allowed()))
def test_every_codec_of_the_list_exists_and_is_text(codec: str) -> None:
    assert codecs.lookup(codec)._is_text_encoding


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("UTF-8", "utf-8"),  # case
        (' "utf-8" ', "utf-8"),  # quotes and spaces left by careless senders
        ("ISO_8859-1", "cp1252"),  # underscore, and the superset that is meant
        ("ks_c_5601-1987", "cp949"),
        ("GB2312", "gb18030"),
        ("utf-8; format=flowed", ""),  # not a label
        ("x" * 100_000, ""),
        ("", ""),
    ],
)
def test_labels_lead_to_codecs(label: str, codec: str) -> None:
    assert codec_for(label) == codec


@pytest.mark.parametrize(
    ("data", "label", "text", "trouble"),
    [
        ("Grüße".encode(), "", "Grüße", ""),  # nothing declared: UTF-8 fits
        ("Grüße".encode(), "us-ascii", "Grüße", "undecodable"),  # declared too narrow
        ("Grüße".encode(), "x-unknown", "Grüße", "unknown_charset"),
        (b"\x1b$B;K>Z\x1b(B", "", b"\x1b$B;K>Z\x1b(B".decode("iso2022_jp"), ""),  # escapes tell
        (b"a\x81b", "iso-8859-1", "a\x81b", ""),  # a byte that cp1252 lacks: the label is taken at its word
        (
            b"word " * 100 + b"\xff",
            "utf-8",
            "word " * 100 + "\ufffd",
            "undecodable",
        ),  # one bad byte does not change all
        (b"+2AA-", "utf-7", "\ufffd", ""),  # a lone surrogate
    ],
)
def test_the_order_of_attempts(data: bytes, label: str, text: str, trouble: str) -> None:
    assert decode(data, label)[::2] == (text, trouble)


@pytest.mark.parametrize("charset", ["utf-8", "shift_jis", "euc-kr", "gb18030", "big5", "iso-2022-jp", "utf-16"])
def test_a_cut_inside_a_character_loses_that_character_only(charset: str) -> None:
    text = {"euc-kr": "회의는 수요일", "big5": "會議改到星期三"}.get(charset, "会議三")
    data = text.encode(charset)
    for end in range(len(data)):
        found = decode(data[:end], charset, is_cut=True)
        assert text.startswith(found.text)
        assert found.trouble == ""
