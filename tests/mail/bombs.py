"""Mails made to take time: each builds one of about `n` bytes, on which a careless parser is quadratic or worse."""

from collections.abc import Callable

_PLAIN = b"Content-Type: text/plain; charset=%s\r\n\r\n"
_HTML = b"Content-Type: text/html; charset=utf-8\r\n\r\n"
_MIXED = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
_ALTERNATIVE = b"Content-Type: multipart/alternative; boundary=b\r\n\r\n"


def _filled(unit: bytes, n: int, before: bytes = b"", after: bytes = b"\r\n\r\n") -> bytes:
    return before + unit * (n // len(unit)) + after


def _header(name: bytes, unit: bytes, start: bytes = b"") -> Callable[[int], bytes]:
    """One field of 60 KB, which is just below the limit for a field, as often as it takes to make `n` bytes."""
    return lambda n: b"".join(
        name + b": " + start + unit * (60_000 // len(unit)) + b"\r\n" for _ in range(n // 60_000 + 1)
    )


def _body(before: bytes, unit: bytes) -> Callable[[int], bytes]:
    return lambda n: _filled(unit, n, before)


def _prefixes(n: int) -> bytes:
    """Multiparts whose boundaries are prefixes of each other, in a body full of near-misses for all of them."""
    heads = b"".join(
        b"Content-Type: multipart/mixed; boundary=%s\r\n\r\n--%s\r\n" % (b"b" * width, b"b" * width)
        for width in range(1, 90)
    )
    return _filled(b"\n--" + b"b" * 90, n, heads)


def _deep(n: int) -> bytes:
    head = b"Content-Type: multipart/mixed; boundary=n%d\r\n\r\n--n%d\r\n"
    return b"".join(head % (i, i) for i in range(n // 60))


def _combining(n: int) -> bytes:
    """Combining marks out of order: sorting them canonically takes quadratic time if they are not cut apart."""
    return _filled("\u0301\u0316".encode(), n, _PLAIN % b"utf-8" + b"a")


BOMBS: dict[str, Callable[[int], bytes]] = {
    # header blocks
    "header_lines": _body(b"", b"a: b\r\n"),
    "header_names": lambda n: b"".join(b"x-%d: y\r\n" % i for i in range(n // 12)),
    "header_folds": _body(b"Subject: x", b"\r\n y"),
    "header_spaces": _body(b"Subject: x\r\n", b" "),
    "header_garbage": _body(b"From: a\r\n", b"garbage\r\n"),
    "no_line_ends": _body(b"", b"x"),
    "subject_words": _header(b"Subject", b"=?utf-8?Q?a?= "),
    "subject_word_starts": _header(b"Subject", b"=?a?b?x"),
    "subject_word_open": _header(b"Subject", b"=?a?q?x?"),
    "subject_b64_words": _header(b"Subject", b"=?utf-8?B?w7w=?="),
    "subject_attack_charset": _header(b"Subject", b"x", b"=?punycode?Q?"),
    "subject_8bit": _header(b"Subject", b"\xe4\xf6 "),
    "to_commas": _header(b"To", b","),
    "to_quotes": _header(b"To", b'"'),
    "to_backslashes": _header(b"To", b'\\"', b'"'),
    "to_parens": _header(b"To", b"("),
    "to_angles": _header(b"To", b"<"),
    "to_addresses": _header(b"To", b"a@b,"),
    "to_words": _header(b"To", b"a "),
    "to_groups": _header(b"To", b"a:b@c;"),
    "references": _header(b"References", b"<a@b> "),
    "references_open": _header(b"References", b"<"),
    "date_digits": _header(b"Date", b"9"),
    "date_words": _header(b"Date", b"Mon, "),
    "parameters": _header(b"Content-Type", b";a=b", b"text/plain"),
    "parameter_semicolons": _header(b"Content-Type", b";", b"text/plain"),
    "parameter_spaces": _header(b"Content-Type", b"; ", b"text/plain"),
    "parameter_quotes": _header(b"Content-Type", b'\\"', b'text/plain; name="'),
    "parameter_names": _header(b"Content-Type", b"a ", b"text/plain;"),
    "parameter_sections": _header(b"Content-Disposition", b";a*1=b", b"attachment"),
    "filename": _header(b"Content-Disposition", b"..", b"attachment; filename="),
    # structure
    "delimiters": _body(_MIXED, b"--b\r\n"),
    "near_delimiters": _body(_MIXED + b"--b\r\n\r\n", b"\n--bx"),
    "delimiter_spaces": _body(_MIXED + b"--b\r\n\r\n\n--b", b" "),
    "prefix_boundaries": _prefixes,
    "deep_multiparts": _deep,
    "deep_messages": _body(b"", b"Content-Type: message/rfc822\r\n\r\n"),
    "no_boundary": _body(b"Content-Type: multipart/mixed\r\n\r\n", b"\n--x"),
    "many_parts": _body(_MIXED, b"--b\r\nContent-Type: image/png; name=a\r\n\r\nx\r\n"),
    "alternatives": _body(_ALTERNATIVE, b"--b\r\nContent-Type: text/html\r\n\r\n \r\n"),
    # bodies
    "base64_foreign": _body(b"Content-Transfer-Encoding: base64\r\n\r\n", b"!"),
    "base64_padding": _body(b"Content-Transfer-Encoding: base64\r\n\r\n", b"QQ=="),
    "base64_pads": _body(b"Content-Transfer-Encoding: base64\r\n\r\n", b"="),
    "qp_escapes": _body(b"Content-Transfer-Encoding: quoted-printable\r\n\r\n", b"="),
    "uuencode": _body(b"Content-Transfer-Encoding: x-uuencode\r\n\r\n", b"begin \n"),
    "utf7": _body(_PLAIN % b"utf-7", b"+2AA-"),
    "iso2022": _body(_PLAIN % b"iso-2022-jp", b"\x1b$B\x1b(B"),
    "escapes": _body(_PLAIN % b"us-ascii", b"\x1b"),
    "wrong_utf8": _body(_PLAIN % b"utf-8", b"\xff\xe4a "),
    "no_charset": _body(b"\r\n", "Прошу проверить ".encode("cp1251")),
    "nuls": _body(b"\r\n", b"\0"),
    "flowed": _body(b"Content-Type: text/plain; format=flowed\r\n\r\n", b"a \n"),
    "flowed_quotes": _body(b"Content-Type: text/plain; format=flowed\r\n\r\n", b"> "),
    "combining": _combining,
    "line_ends": _body(b"\r\n", b"\r"),
    # HTML
    "html_lt": _body(_HTML, b"<"),
    "html_tags": _body(_HTML, b"<a "),
    "html_quotes": _body(_HTML, b'<a "'),
    "html_quotes_crossed": _body(_HTML, b"""<a "<b '" '<c "' """),
    "html_comments": _body(_HTML, b"<!--"),
    "html_dashes": _body(_HTML + b"<!--", b"-"),
    "html_scripts": _body(_HTML, b"<script>"),
    "html_script_open": _body(_HTML, b"<script "),
    "html_end_tags": _body(_HTML + b"<style>", b"</"),
    "html_deep": _body(_HTML, b"<div>"),
    "html_cells": _body(_HTML, b"<td>"),
    "html_pre": _body(_HTML, b"<pre>"),
    "html_alt": _body(_HTML, b"<img alt="),
    "html_alts": _body(_HTML + b"<img", b" alt=x"),
    "html_ampersands": _body(_HTML, b"&"),
    "html_digits": _body(_HTML + b"&#", b"9"),
    "html_names": _body(_HTML, b"&notit"),
    "html_spaces": _body(_HTML, b" <b> "),
}
