"""Broken mails, each with what is wrong with it: for the sample mailbox and the tests. All are stored, with defects."""

import base64

_HEAD = (
    "From: Ada Archer <ada@example.org>\r\n"
    "To: Clara Finch <clara@example.com>\r\n"
    "Date: Mon, 2 Feb 2026 10:00:00 +0000\r\n"
)
_MIXED = 'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n'
_PHOTO = base64.encodebytes(bytes(range(256)) * 20).replace(b"\n", b"\r\n")


def broken_mails() -> dict[str, bytes]:
    """Return the mails by a name that says what is broken."""
    return {
        "truncated_base64": _truncated_base64(),
        "no_headers": b"This mail lost its headers on the way.\r\n\r\nOnly its text is left.\r\n",
        "missing_fields": b"Subject: No sender and no date\r\n\r\nWho wrote this, and when?\r\n",
        "unknown_charset": _text("x-made-up-42", "Subject: A charset that nobody knows", "gr\u00fc\u00df".encode()),
        "wrong_charset": _text(
            "utf-8", "Subject: Says UTF-8 and is not", "na\u00efve caf\u00e9, ".encode("latin-1") * 9
        ),
        "raw_8bit_header": _text(
            "iso-8859-1", "Subject: Gr\u00fc\u00dfe unkodiert", "Gr\u00fc\u00dfe".encode("latin-1")
        ),
        "nested_multiparts": _nested(30),
        "nuls": _text("us-ascii", "Subject: NUL\0s in\0side", b"before\0\0after\r\n"),
        "no_end_boundary": (_HEAD + "Subject: Cut off\r\n" + _MIXED + "\r\n--b\r\n\r\nThe end is mis").encode(),
        "no_boundary_parameter": (
            _HEAD + "Subject: Which boundary?\r\nContent-Type: multipart/mixed\r\n\r\n--x\r\n\r\nGuessed.\r\n--x--\r\n"
        ).encode(),
        "boundary_never_used": (_HEAD + "Subject: No parts\r\n" + _MIXED + "\r\nAll of it is here.\r\n").encode(),
        "garbage_in_headers": (
            _HEAD + "this is no field\r\nSubject: After the garbage\r\n\r\nStill read.\r\n"
        ).encode(),
        "no_blank_line": (_HEAD + "Subject: Straight on\r\nAnd here the text begins at once.\r\n").encode(),
        "impossible_date": (
            b"From: ben@example.org\r\nDate: Foo, 99 Foo 2026 99:99\r\nSubject: When?\r\n\r\nSome day.\r\n"
        ),
        "bare_linefeeds": (_HEAD + "Subject: Unix line ends\r\n\r\nShort\r\nlines\r\n").replace("\r\n", "\n").encode(),
        "empty_body": (_HEAD + "Subject: Nothing to say\r\n\r\n").encode(),
        "encoded_word_cut": (
            _HEAD + "Subject: =?utf-8?B?R3LDvMOfZSBhdXM=?= =?utf-8?B?IEs\r\n\r\nCut subject.\r\n"
        ).encode(),
        "path_in_file_name": _named("../../etc/pass\u202ewd.txt"),
        "long_subject": (_HEAD + "Subject: " + "very " * 3000 + "long\r\n\r\nThe text is short.\r\n").encode(),
    }


def _text(charset: str, subject: str, data: bytes) -> bytes:
    fields = f'{subject}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset="{charset}"\r\n'
    return _HEAD.encode() + fields.encode("latin-1") + b"Content-Transfer-Encoding: 8bit\r\n\r\n" + data + b"\r\n"


def _truncated_base64() -> bytes:
    start = _HEAD + "Subject: The photo arrived in part\r\n" + _MIXED + "\r\n--b\r\n\r\nHere is the photo.\r\n--b\r\n"
    fields = 'Content-Type: image/jpeg; name="a.jpg"\r\nContent-Transfer-Encoding: base64\r\n'
    return (start + fields + "\r\n").encode() + _PHOTO[:1001]


def _named(filename: str) -> bytes:
    quoted = "".join(f"%{byte:02X}" for byte in filename.encode())
    start = _HEAD + "Subject: A name that climbs\r\n" + _MIXED + "\r\n--b\r\nContent-Type: text/plain\r\n"
    return (start + f"Content-Disposition: attachment; filename*=utf-8''{quoted}\r\n\r\nroot\r\n--b--\r\n").encode()


def _nested(depth: int) -> bytes:
    opening = "".join(f'Content-Type: multipart/mixed; boundary="n{i}"\r\n\r\n--n{i}\r\n' for i in range(depth))
    closing = "".join(f"\r\n--n{i}--\r\n" for i in reversed(range(depth)))
    return (_HEAD + "Subject: Boxes in boxes\r\n" + opening + "\r\nThe innermost box." + closing).encode()
