"""Strange mails: each with one line on what is odd, and what has to come out. Synthetic, but for the oddities.

`StrangeMail.expected` names what to compare: fields of Message, `files` (names of the attachments), `file_texts` (their
kept text) and `defects` (exactly these). What is not named is not compared.
"""

import base64
from dataclasses import dataclass, field

FROM = b"From: Ada Archer <ada@example.org>\r\nDate: Mon, 2 Feb 2026 10:00:00 +0000\r\n"
MIXED = FROM + b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
ALTERNATIVE = FROM + b"MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"


@dataclass(frozen=True)
class StrangeMail:
    """One mail of the corpus."""

    name: str
    odd: str
    raw: bytes
    expected: dict[str, object] = field(default_factory=dict)


def _b64(data: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


def _subject(raw: bytes) -> bytes:
    return FROM + b"Subject: " + raw + b"\r\n\r\nbody\r\n"


def _body(fields: bytes, data: bytes) -> bytes:
    return FROM + fields + b"\r\n\r\n" + data


def _attached(fields: bytes, data: bytes = b"data") -> bytes:
    return MIXED + b"--b\r\n\r\ntext\r\n--b\r\n" + fields + b"\r\n\r\n" + data + b"\r\n--b--\r\n"


def _nested_messages(depth: int) -> bytes:
    """Return mails in mails."""
    raw = b"Subject: innermost\r\n\r\ndeepest words\r\n"
    for _ in range(depth):
        raw = b"Content-Type: message/rfc822\r\n\r\n" + raw
    return FROM + raw


def _nested_multiparts(depth: int) -> bytes:
    """Return multiparts in multiparts."""
    opening = b"".join(b"Content-Type: multipart/mixed; boundary=n%d\r\n\r\n--n%d\r\n" % (i, i) for i in range(depth))
    closing = b"".join(b"\r\n--n%d--\r\n" % i for i in reversed(range(depth)))
    return FROM + opening + b"\r\ninnermost" + closing


STRANGE_MAILS: tuple[StrangeMail, ...] = (
    # --- the mail as a whole -------------------------------------------------------------------------------------
    StrangeMail(
        "empty", "no bytes at all", b"", {"body_text": "", "defects": {"empty", "missing_date", "missing_from"}}
    ),
    StrangeMail("blank_lines_only", "nothing but line ends", b"\r\n\r\n\r\n", {"body_text": "", "headers": {}}),
    StrangeMail(
        "headerless",
        "the first line is no header field",
        b"Dear all,\r\nnote: this is text.\r\n",
        {"body_text": "Dear all,\nnote: this is text.", "defects": {"no_headers", "missing_date", "missing_from"}},
    ),
    StrangeMail(
        "headers_only",
        "no empty line, no body",
        FROM + b"Subject: x",
        {"subject": "x", "body_text": "", "defects": set()},
    ),
    StrangeMail("only_nuls", "a thousand NULs", b"\0" * 1000, {"body_text": "", "subject": ""}),
    StrangeMail(
        "bare_cr",
        "lines end in CR alone, as on a Mac of 1995",
        b"From: a@example.org\rDate: Mon, 2 Feb 2026 10:00:00 +0000\rSubject: old\r\rline one\rline two\r",
        {"subject": "old", "body_text": "line one\nline two", "defects": {"bare_cr"}},
    ),
    StrangeMail(
        "bare_lf",
        "lines end in LF alone",
        FROM.replace(b"\r", b"") + b"Subject: unix\n\nline one\n\nline two\n",
        {"subject": "unix", "body_text": "line one\n\nline two", "defects": set()},
    ),
    StrangeMail(
        "mixed_line_ends",
        "CRLF in the header, LF at its end",
        FROM + b"Subject: mixed\n\nbody\r\nmore\n",
        {"subject": "mixed", "body_text": "body\nmore", "defects": set()},
    ),
    StrangeMail(
        "mbox_separator",
        "begins with the From line of an mbox",
        b"From ada@example.org Mon Feb  2 10:00:00 2026\n" + FROM + b"Subject: boxed\r\n\r\nbody",
        {"subject": "boxed", "body_text": "body", "defects": set()},
    ),
    StrangeMail(
        "quoted_mbox_separator",
        "a quoted From line was left before the header",
        b">From ada@example.org Mon Feb  2 10:00:00 2026\n" + FROM + b"Subject: boxed\r\n\r\nbody",
        {"subject": "boxed", "body_text": "body"},
    ),
    # --- the header block ----------------------------------------------------------------------------------------
    StrangeMail(
        "garbage_line",
        "a line that is no field among the fields",
        FROM + b"complete nonsense\r\nSubject: after\r\n\r\nbody",
        {"subject": "after", "body_text": "body", "defects": {"bad_header_line"}},
    ),
    StrangeMail(
        "no_blank_line",
        "the body begins without an empty line",
        FROM + b"Subject: go\r\nThis is text already.\r\n\r\nMore.",
        {"subject": "go", "body_text": "This is text already.\n\nMore.", "defects": {"missing_header_end"}},
    ),
    StrangeMail(
        "folded_subject",
        "a subject folded with a tab",
        _subject(b"one\r\n\ttwo\r\n   three"),
        {"subject": "one two three"},
    ),
    StrangeMail("folded_at_once", "the value begins on the second line", _subject(b"\r\n late"), {"subject": "late"}),
    StrangeMail(
        "blank_before_colon",
        "white space before the colon",
        FROM + b"Subject : x\r\n\r\nb",
        {"subject": "x", "body_text": "b"},
    ),
    StrangeMail(
        "upper_case_names", "field names in capitals", b"SUBJECT: x\r\nFROM: a@example.org\r\n\r\nb", {"subject": "x"}
    ),
    StrangeMail(
        "twice", "a field twice: the first counts", _subject(b"first\r\nSubject: second"), {"subject": "first"}
    ),
    StrangeMail("empty_value", "a field without a value", _subject(b""), {"subject": "", "defects": set()}),
    StrangeMail(
        "bare_cr_in_value",
        "a CR that would smuggle in a field",
        _subject(b"x\rBcc: eve@example.org"),
        {"subject": "x Bcc: eve@example.org", "bcc": ()},
    ),
    StrangeMail(
        "nul_in_value", "NUL, backspace and escape in a subject", _subject(b"a\0b\x08c\x1b[31m"), {"subject": "abc[31m"}
    ),
    StrangeMail(
        "raw_utf8",
        "UTF-8 without any encoding",
        _subject("Grüße 漢字".encode()),
        {"subject": "Grüße 漢字", "defects": set()},
    ),
    StrangeMail(
        "raw_latin1",
        "Latin-1 without any encoding",
        _subject("Grüße aus Köln".encode("latin-1")),
        {"subject": "Grüße aus Köln", "defects": {"raw_8bit_header"}},
    ),
    # --- encoded words -------------------------------------------------------------------------------------------
    StrangeMail("word_b", "base64 encoded word", _subject(b"=?utf-8?B?R3LDvMOfZQ==?="), {"subject": "Grüße"}),
    StrangeMail(
        "word_q",
        "quoted-printable encoded word",
        _subject(b"=?iso-8859-1?Q?Gr=FC=DFe_an_alle?="),
        {"subject": "Grüße an alle"},
    ),
    StrangeMail(
        "words_touch", "no space between two words", _subject(b"=?utf-8?Q?a?==?utf-8?Q?b?="), {"subject": "ab"}
    ),
    StrangeMail(
        "word_splits_character",
        "one character in two words",
        _subject(b"=?utf-8?B?w7w=?=\r\n =?utf-8?Q?=C3?= =?utf-8?Q?=BC?="),
        {"subject": "üü"},
    ),
    StrangeMail(
        "word_with_spaces",
        "spaces inside an encoded word",
        _subject(b"=?utf-8?Q?not allowed but sent?="),
        {"subject": "not allowed but sent"},
    ),
    StrangeMail("word_question_mark", "a question mark inside", _subject(b"=?utf-8?Q?what??="), {"subject": "what?"}),
    StrangeMail(
        "word_unpadded", "base64 without its padding", _subject(b"=?utf-8?B?R3LDvMOfZQ?="), {"subject": "Grüße"}
    ),
    StrangeMail(
        "word_language",
        "RFC 2231 language in the charset",
        _subject(b"=?utf-8*de?Q?Gr=C3=BC=C3=9Fe?="),
        {"subject": "Grüße"},
    ),
    StrangeMail(
        "word_hides_line_break",
        "an encoded CRLF that would begin a field",
        _subject(b"=?utf-8?Q?x=0D=0ABcc:_e?="),
        {"subject": "x Bcc: e"},
    ),
    StrangeMail(
        "word_cut", "an encoded word without its end", _subject(b"=?utf-8?B?R3LD"), {"subject": "=?utf-8?B?R3LD"}
    ),
    StrangeMail(
        "word_iso_2022",
        "Japanese as mailed in 1999",
        _subject(b"=?ISO-2022-JP?B?GyRCO0s+PRsoQg==?="),
        {"subject": "糸証"[:0] + b"\x1b$B;K>=\x1b(B".decode("iso-2022-jp")},
    ),
    StrangeMail(
        "word_attack_charset",
        "a charset that takes seconds",
        _subject(b"=?punycode?Q?abc-xyz?="),
        {"subject": "abc-xyz"},
    ),
    # --- people, dates, ids --------------------------------------------------------------------------------------
    StrangeMail(
        "quoted_comma",
        "a comma inside a quoted name",
        b'From: "Archer, Ada" <ada@example.org>\r\n\r\n',
        {"sender": "Archer, Ada <ada@example.org>"},
    ),
    StrangeMail(
        "encoded_comma",
        "a comma inside an encoded name",
        b"From: =?utf-8?Q?Archer=2C_Ada?= <ada@example.org>\r\n\r\n",
        {"sender": "Archer, Ada <ada@example.org>"},
    ),
    StrangeMail(
        "comment_name",
        "the name in a comment behind",
        b"From: ada@example.org (Ada (the) Archer)\r\n\r\n",
        {"sender": "Ada the Archer <ada@example.org>"},
    ),
    StrangeMail(
        "no_brackets", "a name and an address without brackets", b"From: undisclosed\r\n\r\n", {"sender": "undisclosed"}
    ),
    StrangeMail(
        "group",
        "a group of recipients",
        FROM + b"To: friends: a@example.org, B <b@example.org>;\r\n\r\n",
        {"to": ("a@example.org", "B <b@example.org>")},
    ),
    StrangeMail(
        "empty_group",
        "undisclosed recipients",
        FROM + b"To: undisclosed-recipients:;\r\n\r\n",
        {"to": (), "defects": set()},
    ),
    StrangeMail(
        "semicolons",
        "addresses apart by semicolons",
        FROM + b"To: a@example.org; b@example.org\r\n\r\n",
        {"to": ("a@example.org", "b@example.org")},
    ),
    StrangeMail(
        "open_quote",
        "a quote that never ends",
        FROM + b'To: "Ada <ada@example.org>\r\n\r\n',
        {"to": ("Ada <ada@example.org>",)},
    ),
    StrangeMail("sender_only", "no From, but Sender", b"Sender: a@example.org\r\n\r\n", {"sender": "a@example.org"}),
    StrangeMail(
        "date_zone_name",
        "a zone name instead of an offset",
        b"Date: Mon, 2 Feb 2026 10:00:00 EST\r\n\r\n",
        {"date": "2026-02-02T15:00:00+00:00"},
    ),
    StrangeMail(
        "date_two_digits",
        "a year of two digits",
        b"Date: 2 Feb 98 10:00 GMT\r\n\r\n",
        {"date": "1998-02-02T10:00:00+00:00"},
    ),
    StrangeMail(
        "date_leap_second",
        "a leap second",
        b"Date: Sat, 31 Dec 2016 23:59:60 +0000\r\n\r\n",
        {"date": "2016-12-31T23:59:59+00:00"},
    ),
    StrangeMail(
        "date_comment",
        "a comment behind the date",
        b"Date: Mon, 2 Feb 2026 10:00:00 +0100 (CET)\r\n\r\n",
        {"date": "2026-02-02T09:00:00+00:00"},
    ),
    StrangeMail(
        "date_iso", "ISO 8601", b"Date: 2026-02-02T10:00:00+01:00\r\n\r\n", {"date": "2026-02-02T09:00:00+00:00"}
    ),
    StrangeMail(
        "date_impossible",
        "the 31st of February",
        b"From: a@example.org\r\nDate: 31 Feb 2026 10:00:00 +0000\r\n\r\n",
        {"date": None, "defects": {"bad_date"}},
    ),
    StrangeMail(
        "date_year_one",
        "an offset that leads before the year 1",
        b"From: a@example.org\r\nDate: 1 Jan 0001 00:00:00 +2300\r\n\r\n",
        {"date": None, "defects": {"bad_date"}},
    ),
    StrangeMail(
        "ids",
        "ids with and without brackets",
        b"Message-ID: <a@x>\r\nIn-Reply-To: <b@x> (was)\r\nReferences: <c@x>\r\n <b@x> <c@x>\r\n\r\n",
        {"message_id": "a@x", "in_reply_to": "b@x", "references": ("c@x", "b@x")},
    ),
    StrangeMail(
        "id_bare",
        "a Message-ID without brackets",
        b"Message-ID: bare@example.org\r\n\r\n",
        {"message_id": "bare@example.org"},
    ),
    # --- structure -----------------------------------------------------------------------------------------------
    StrangeMail(
        "no_boundary",
        "multipart without a boundary parameter",
        FROM + b"Content-Type: multipart/mixed\r\n\r\n--q\r\n\r\nguessed\r\n--q--\r\n",
        {"body_text": "guessed", "defects": {"missing_boundary"}},
    ),
    StrangeMail(
        "boundary_not_found",
        "a boundary that never occurs",
        MIXED + b"all of it is text",
        {"body_text": "all of it is text", "defects": {"no_parts"}},
    ),
    StrangeMail(
        "no_end",
        "the last delimiter is missing",
        MIXED + b"--b\r\n\r\ncut o",
        {"body_text": "cut o", "defects": {"missing_end_boundary"}},
    ),
    StrangeMail("only_end", "nothing but the last delimiter", MIXED + b"--b--\r\n", {"defects": {"no_parts"}}),
    StrangeMail(
        "preamble_epilogue",
        "text before and after the parts",
        MIXED + b"ignored\r\n--b\r\n\r\nkept\r\n--b--\r\nignored too\r\n",
        {"body_text": "kept", "defects": set()},
    ),
    StrangeMail(
        "boundary_is_prefix",
        "the outer boundary begins the inner one",
        MIXED
        + b"--b\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n\r\none\r\n"
        + b"--bb\r\n\r\ntwo\r\n--bb--\r\n--b\r\n\r\nthree\r\n--b--\r\n",
        {"body_text": "one\n\ntwo\n\nthree", "defects": set()},
    ),
    StrangeMail(
        "inner_not_closed",
        "the inner multipart ends where the outer goes on",
        MIXED
        + b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\ninner\r\n--b\r\n\r\nouter\r\n--b--\r\n",
        {"body_text": "inner\n\nouter", "defects": {"missing_end_boundary"}},
    ),
    StrangeMail(
        "same_boundary",
        "the inner multipart repeats the outer boundary",
        MIXED + b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nstill found\r\n--b--\r\n",
        {"body_text": "still found", "defects": {"no_parts"}},
    ),
    StrangeMail(
        "spaces_after_boundary",
        "white space after a delimiter",
        MIXED + b"--b \t\r\n\r\none\r\n--b--  \r\n",
        {"body_text": "one", "defects": set()},
    ),
    StrangeMail(
        "empty_parts",
        "parts without anything",
        MIXED + b"--b\r\n--b\r\n\r\n--b\r\n\r\n\r\n--b--",
        {"body_text": "", "defects": set()},
    ),
    StrangeMail(
        "part_without_blank_line",
        "a part that begins with its text",
        MIXED + b"--b\r\njust text here\r\n--b--\r\n",
        {"body_text": "just text here", "defects": {"no_headers"}},
    ),
    StrangeMail(
        "nested_20",
        "20 multiparts inside each other",
        _nested_multiparts(20),
        {"body_text": "innermost", "defects": set()},
    ),
    StrangeMail("nested_200", "200 multiparts inside each other", _nested_multiparts(200), {"defects": {"too_deep"}}),
    StrangeMail(
        "nested_40000",
        "40,000 multiparts: what crashes parsers that recurse",
        _nested_multiparts(40_000),
        {"defects": {"too_deep"}},
    ),
    StrangeMail(
        "mails_in_mails",
        "a mail in a mail in a mail",
        _nested_messages(3),
        {"file_texts": ("", "", "innermost\n\ndeepest words")},
    ),
    StrangeMail(
        "mails_in_mails_1000", "a thousand mails inside each other", _nested_messages(1000), {"defects": {"too_deep"}}
    ),
    StrangeMail(
        "many_parts", "5,000 parts", MIXED + b"--b\r\n\r\nx\r\n" * 5000 + b"--b--", {"defects": {"too_many_parts"}}
    ),
    StrangeMail(
        "digest",
        "multipart/digest: parts are mails without saying so",
        FROM
        + b"Content-Type: multipart/digest; boundary=d\r\n\r\n--d\r\n\r\nSubject: one\r\n\r\nfirst\r\n"
        + b"--d\r\n\r\nSubject: two\r\n\r\nsecond\r\n--d--\r\n",
        {"body_text": "", "file_texts": ("one\n\nfirst", "two\n\nsecond")},
    ),
    StrangeMail(
        "encoded_message",
        "message/rfc822 in base64, against the RFC",
        _attached(
            b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64", _b64(b"Subject: in\r\n\r\nside")
        ),
        {"body_text": "text", "files": ("",)},
    ),
    # --- bodies --------------------------------------------------------------------------------------------------
    StrangeMail(
        "html_only",
        "HTML without plain text",
        _body(b"Content-Type: text/html", b"<p>One<br>two &amp; three</p><script>no</script>"),
        {"body_text": "One\ntwo & three", "body_html_preview": "<p>One<br>two &amp; three</p><script>no</script>"},
    ),
    StrangeMail(
        "blank_plain",
        "plain text is blank, HTML is not",
        ALTERNATIVE + b"--b\r\n\r\n \r\n--b\r\nContent-Type: text/html\r\n\r\n<b>shown</b>\r\n--b--",
        {"body_text": "shown"},
    ),
    StrangeMail(
        "html_first",
        "HTML before plain text",
        ALTERNATIVE + b"--b\r\nContent-Type: text/html\r\n\r\n<b>html</b>\r\n--b\r\n\r\nplain\r\n--b--",
        {"body_text": "plain", "body_html_preview": "<b>html</b>"},
    ),
    StrangeMail(
        "two_texts",
        "a list's footer as a second text",
        MIXED + b"--b\r\n\r\nletter\r\n--b\r\n\r\nfooter\r\n--b--",
        {"body_text": "letter\n\nfooter", "files": ()},
    ),
    StrangeMail(
        "flowed",
        "format=flowed with a quote",
        _body(b"Content-Type: text/plain; format=flowed", b"one \r\ntwo\r\n> quo \r\n> ted\r\n-- \r\nAda"),
        {"body_text": "one two\n> quo ted\n-- \nAda"},
    ),
    StrangeMail(
        "flowed_delsp",
        "format=flowed with delsp",
        _body(b"Content-Type: text/plain; format=flowed; delsp=yes", b"com \r\nbined"),
        {"body_text": "combined"},
    ),
    StrangeMail(
        "bad_base64",
        "base64 with foreign characters, cut off",
        _body(b"Content-Transfer-Encoding: base64", b"aGVs!bG8g\r\nd29yb"),
        {"body_text": "hello wor", "defects": {"bad_base64"}},
    ),
    StrangeMail(
        "joined_base64",
        "two base64 texts behind each other",
        _body(b"Content-Transfer-Encoding: base64", b"aGk=\r\nIHlvdQ=="),
        {"body_text": "hi you", "defects": {"bad_base64"}},
    ),
    StrangeMail(
        "bad_quoted_printable",
        "quoted-printable with broken escapes",
        _body(b"Content-Transfer-Encoding: quoted-printable", b"a=ZZb =3D c=\r\nd ="),
        {"body_text": "a=ZZb = cd"},
    ),
    StrangeMail(
        "uuencode",
        "uuencode as transfer encoding",
        _body(b"Content-Transfer-Encoding: x-uuencode", b"begin 644 a\r\n%:&5L;&\\\r\n`\r\nend\r\n"),
        {"body_text": "hello"},
    ),
    StrangeMail(
        "unknown_encoding",
        "a transfer encoding nobody knows",
        _body(b"Content-Transfer-Encoding: x-rot13", b"uryyb"),
        {"body_text": "uryyb", "defects": {"unknown_encoding"}},
    ),
    StrangeMail(
        "encoding_with_comment",
        "a comment behind the transfer encoding",
        _body(b"Content-Transfer-Encoding: base64 (really)", b"aGk="),
        {"body_text": "hi", "defects": set()},
    ),
    StrangeMail(
        "unknown_charset",
        "a charset nobody knows",
        _body(b"Content-Type: text/plain; charset=x-martian", "Grüße".encode()),
        {"body_text": "Grüße", "defects": {"unknown_charset"}},
    ),
    StrangeMail(
        "lying_charset",
        "says UTF-8, is cp1251",
        _body(
            b"Content-Type: text/plain; charset=utf-8",
            "Прошу проверить вторую главу до пятницы, пожалуйста.".encode("cp1251"),
        ),
        {"body_text": "Прошу проверить вторую главу до пятницы, пожалуйста.", "defects": {"bad_charset"}},
    ),
    StrangeMail(
        "attack_charset",
        "a charset that Python decodes for ten seconds",
        _body(b"Content-Type: text/plain; charset=punycode", b"a-" + b"z" * 100_000),
        {"defects": {"unknown_charset"}},
    ),
    StrangeMail(
        "utf7_surrogates",
        "UTF-7 that decodes to lone surrogates",
        _body(b"Content-Type: text/plain; charset=utf-7", b"x+2AA-y"),
        {"body_text": "x\ufffdy"},
    ),
    StrangeMail(
        "utf16",
        "UTF-16 in base64",
        _body(
            b"Content-Type: text/plain; charset=utf-16\r\nContent-Transfer-Encoding: base64",
            _b64("Grüße".encode("utf-16")),
        ),
        {"body_text": "Grüße"},
    ),
    StrangeMail(
        "type_alone",
        "`text` without a subtype",
        _body(b"Content-Type: text", b"plain"),
        {"body_text": "plain", "files": ()},
    ),
    StrangeMail(
        "type_garbage",
        "a Content-Type of nonsense",
        _body(b"Content-Type: ;;;;===;;;", b"plain"),
        {"body_text": "plain"},
    ),
    # --- attachments ---------------------------------------------------------------------------------------------
    StrangeMail(
        "name_rfc2231",
        "a file name in RFC 2231 pieces",
        _attached(
            b"Content-Type: image/png\r\nContent-Disposition: attachment;\r\n"
            b" filename*0*=utf-8''r%C3%A4; filename*1=ch.png"
        ),
        {"files": ("räch.png",)},
    ),
    StrangeMail(
        "name_rfc2047",
        "a file name as an encoded word",
        _attached(b'Content-Type: image/png; name="=?utf-8?Q?r=C3=A4ch.png?="'),
        {"files": ("räch.png",)},
    ),
    StrangeMail(
        "name_raw",
        "a file name in raw UTF-8",
        _attached('Content-Disposition: attachment; filename="räch.png"'.encode()),
        {"files": ("räch.png",)},
    ),
    StrangeMail(
        "name_climbs",
        "a file name that climbs",
        _attached(b'Content-Disposition: attachment; filename="../../etc/passwd"'),
        {"files": ("_._etc_passwd",)},
    ),
    StrangeMail(
        "name_windows",
        "a Windows path as a file name",
        _attached(b'Content-Disposition: attachment; filename="C:\\\\temp\\\\a.txt"'),
        {"files": ("C_temp_a.txt",)},
    ),
    StrangeMail(
        "name_bidi",
        "a file name that reads backwards",
        _attached(b"Content-Disposition: attachment; filename*=utf-8''a%E2%80%AEgpj.exe"),
        {"files": ("agpj.exe",)},
    ),
    StrangeMail(
        "name_semicolon",
        "a semicolon inside a quoted name",
        _attached(b'Content-Disposition: attachment; filename="a; b.txt"'),
        {"files": ("a; b.txt",)},
    ),
    StrangeMail(
        "root_attachment",
        "the mail itself is an attachment",
        _body(b"Content-Type: text/csv\r\nContent-Disposition: attachment; filename=a.csv", b"a;b"),
        {"body_text": "", "files": ("a.csv",), "file_texts": ("a;b",)},
    ),
    StrangeMail(
        "inline_picture",
        "a picture that the HTML shows",
        _attached(b"Content-Type: image/png\r\nContent-ID: <logo@x>", b"x"),
        {"body_text": "text", "files": ("",)},
    ),
    StrangeMail(
        "tnef",
        "winmail.dat is kept as it is",
        _attached(b"Content-Type: application/ms-tnef; name=winmail.dat"),
        {"files": ("winmail.dat",)},
    ),
    StrangeMail(
        "delivery_report",
        "a bounce: its report is text",
        _attached(b"Content-Type: message/delivery-status", b"Action: failed"),
        {"file_texts": ("Action: failed",)},
    ),
    StrangeMail(
        "nul_in_text_file",
        "a text attachment that is binary",
        _attached(b"Content-Type: text/plain; name=a.txt", b"a\0b"),
        {"file_texts": ("",)},
    ),
)
