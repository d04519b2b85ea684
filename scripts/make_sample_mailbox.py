"""Write `samples/mailbox.mbox`, the mailbox of `make quickstart`: about 200 synthetic mails, the same at each run.

In it: many languages, charsets and encodings, HTML, attachments of several types, threads, Google Takeout's headers on
some, the broken mails of `broken_mails.py`, and one mail above 1 MiB, which the tour's lowered MAX_MAIL_BYTES sends to
the dead letters.

    python -m scripts.make_sample_mailbox [FILE]
"""

import random
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from scripts import make_mails as made
from scripts.broken_mails import broken_mails
from scripts.mail_phrases import LANGUAGES, Language
from scripts.sample_files import sample_files

PLACE = Path("samples/mailbox.mbox")
SEED = 2026
LETTERS_FOR_EACH_CHARSET = 4
LARGE_BYTES = 900_000  # before base64, which makes 1.2 MB of it: the only mail above 1 MiB
ENCODINGS = ("quoted-printable", "base64", "8bit")
_FROM_LINE = re.compile(rb"^(>*From )", re.MULTILINE)


def mails() -> list[bytes]:
    """Return the mails, in order, with CRLF."""
    numbered = _Numbered()
    found = [_letter(numbered, language, charset) for language, charset in _languages_and_charsets()]
    found += [_with_file(numbered, *file) for file in sample_files()]
    found += [_newsletter(numbered, number) for number in range(6)]
    found += [_forwarded(numbered, found[5]), _large(numbered)]
    found += list(broken_mails().values())
    return found


class _Numbered:
    """Hands out the running number of each mail, and random choices that depend on nothing else."""

    def __init__(self) -> None:
        self.number = -1
        self.rng = random.Random(SEED)

    def next(self) -> int:
        self.number += 1
        return self.number


def _languages_and_charsets() -> list[tuple[Language, str]]:
    pairs = [(language, charset) for language in LANGUAGES for charset in language.charsets]
    return [pair for pair in pairs for _ in range(LETTERS_FOR_EACH_CHARSET)]


def _letter(numbered: _Numbered, language: Language, charset: str) -> bytes:
    number, rng = numbered.next(), numbered.rng
    text = made.prose(rng, language, rng.randint(200, 1500))
    if number % 3 == 0:
        content = made.alternative(text, charset, made.boundary(number, "alt"))
    elif number % 7 == 0:
        content = made.text_part(made.html_of(text), "html", charset, "quoted-printable")
    else:
        content = made.text_part(text, "plain", charset, ENCODINGS[number % len(ENCODINGS)])
    return _mail(numbered, language, charset, content)


def _with_file(numbered: _Numbered, filename: str, content_type: str, data: bytes) -> bytes:
    number, english = numbered.next(), LANGUAGES[0]
    text = made.text_part(made.prose(numbered.rng, english, 300), "plain", "us-ascii", "7bit")
    file = made.attachment(data, filename, content_type)
    return _mail(numbered, english, "utf-8", made.multipart("mixed", [text, file], made.boundary(number, "mix")))


def _newsletter(numbered: _Numbered, issue: int) -> bytes:
    """HTML with a picture that it shows: multipart/related inside multipart/alternative."""
    number, english = numbered.next(), LANGUAGES[0]
    text = made.prose(numbered.rng, english, 1200)
    page = made.html_of(text).replace("<body>", f'<body><h1>Issue {issue}</h1><img src="cid:logo{issue}" alt="Logo">')
    picture = made.attachment(made.blob(numbered.rng, 600), "logo.png", "image/png", inline_id=f"logo{issue}")
    shown = made.text_part(page, "html", "utf-8", "quoted-printable")
    related = made.multipart("related", [shown, picture], made.boundary(number, "rel"))
    plain = made.text_part(text, "plain", "utf-8", "quoted-printable")
    return _mail(
        numbered, english, "utf-8", made.multipart("alternative", [plain, related], made.boundary(number, "alt"))
    )


def _forwarded(numbered: _Numbered, inner: bytes) -> bytes:
    number, english = numbered.next(), LANGUAGES[0]
    note = made.text_part("The mail I told you about.\r\n", "plain", "us-ascii", "7bit")
    nested = made.Piece("Content-Type: message/rfc822\r\nContent-Disposition: inline\r\n", inner)
    return _mail(numbered, english, "us-ascii", made.multipart("mixed", [note, nested], made.boundary(number, "fwd")))


def _large(numbered: _Numbered) -> bytes:
    number, english = numbered.next(), LANGUAGES[0]
    note = made.text_part("The scan you asked for; it is rather large.\r\n", "plain", "us-ascii", "7bit")
    # Repetitive, so that the file stays small where it is kept compressed.
    scan = made.attachment(bytes(range(256)) * (LARGE_BYTES // 256), "scan.tif", "image/tiff")
    return _mail(numbered, english, "us-ascii", made.multipart("mixed", [note, scan], made.boundary(number, "big")))


def _mail(numbered: _Numbered, language: Language, charset: str, content: made.Piece) -> bytes:
    number = numbered.number
    head = made.header_block(number, numbered.rng, language, charset, content.fields)
    if number % 5 == 0:  # as Google Takeout exports them
        labels = "Inbox,Important,Opened" if number % 2 else "Archived,Category Updates"
        head = (
            f"X-GM-THRID: {1_850_000_000_000_000_000 + number // made.THREAD_LENGTH}\r\nX-Gmail-Labels: {labels}\r\n"
            + head
        )
    return head.encode("ascii") + b"\r\n" + content.body


def as_mbox(found: list[bytes]) -> bytes:
    """Return the mails as an mbox file (mboxrd), with LF."""
    chunks = []
    for number, raw in enumerate(found):
        stamp = datetime(2026, 1, 5, 8, 0, tzinfo=UTC) + timedelta(minutes=7 * number)
        body = _FROM_LINE.sub(rb">\1", raw.replace(b"\r\n", b"\n"))
        separator = f"From sender{number % 400}@example.org {stamp:%a %b %e %H:%M:%S} +0000 {stamp:%Y}\n"
        chunks.append(separator.encode() + body.rstrip(b"\n") + b"\n\n")
    return b"".join(chunks)


def main() -> None:
    """Write the file."""
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else PLACE
    place.parent.mkdir(parents=True, exist_ok=True)
    found = mails()
    place.write_bytes(as_mbox(found))
    print(f"{place}: {len(found)} mails, {place.stat().st_size} bytes")


if __name__ == "__main__":
    main()
