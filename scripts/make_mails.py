"""Synthetic mails, the same for the same seed and number: for tests, benchmarks and the sample mailbox.

`mail(number)` gives a well-formed mail of about 15 KB, as an office gets them: text alone, text with HTML, HTML alone,
attachments, in many languages, charsets and transfer encodings, one in three an answer in a thread. Lines end in CRLF.
Written with plain strings: the standard library's writer would take longer than what is measured with the mails.

    python -m scripts.make_mails 1000 FOLDER    writes 1,000 of them as files
"""

import argparse
import base64
import binascii
import random
import urllib.parse
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import NamedTuple

from scripts.mail_phrases import LANGUAGES, WORDS, Language

THREAD_LENGTH = 4  # so many mails in a row share a thread
EPOCH = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


class Piece(NamedTuple):
    """A MIME part: its header fields and its encoded body, both with CRLF."""

    fields: str
    body: bytes

    def encode(self) -> bytes:
        """Return the part as bytes."""
        return self.fields.encode("ascii") + b"\r\n" + self.body


def mail(number: int, *, seed: int = 1, size_bytes: int = 15_000) -> bytes:
    """Return mail `number` of the series `seed`, of very roughly `size_bytes`."""
    rng = random.Random(f"{seed}:{number}")
    language = LANGUAGES[0] if rng.random() < 0.6 else rng.choice(LANGUAGES)
    charset = rng.choice(language.charsets)
    text = prose(rng, language, rng.randint(size_bytes // 20, size_bytes // 5))
    kind = rng.choices(("alternative", "mixed", "plain", "html"), (45, 30, 20, 5))[0]
    if kind == "plain":
        content = text_part(text, "plain", charset, rng.choice(("quoted-printable", "8bit", "base64")))
    elif kind == "html":
        content = text_part(html_of(text), "html", charset, "quoted-printable")
    else:
        content = alternative(text, charset, boundary(number, "alt"))
        if kind == "mixed":
            files = [blob(rng, rng.randint(size_bytes // 4, size_bytes)) for _ in range(rng.randint(1, 2))]
            attached = [attachment(data, f"file-{i}.bin", "application/octet-stream") for i, data in enumerate(files)]
            content = multipart("mixed", [content, *attached], boundary(number, "mix"))
    return header_block(number, rng, language, charset, content.fields).encode("ascii") + b"\r\n" + content.body


def header_block(number: int, rng: random.Random, language: Language, charset: str, content_fields: str) -> str:
    """Return the header fields of a mail as a receiving server leaves them."""
    sender, reader = rng.choice(language.people), rng.choice(LANGUAGES[0].people)
    date = EPOCH + timedelta(minutes=7 * number)
    subject = f"{rng.choice(language.subjects)} {number}"
    stamp = format_datetime(date)
    lines = [
        f"Return-Path: <sender{number % 400}@example.org>",
        f"Received: from mx{number % 9}.example.net (mx{number % 9}.example.net [192.0.2.{number % 250}])",
        f"\tby mail.example.com (Postfix) with ESMTPS id {number:010X}",
        f"\tfor <reader@example.com>; {stamp}",
        f"Received: from localhost (localhost [127.0.0.1]) by mx{number % 9}.example.net with ESMTP; {stamp}",
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=mail;",
        "\th=from:to:subject:date:message-id; bh=" + base64.b64encode(rng.randbytes(32)).decode() + ";",
        *(f"\t{'b=' * (i == 0)}{base64.b64encode(rng.randbytes(48)).decode()}" for i in range(4)),
        "Authentication-Results: mail.example.com; dkim=pass header.d=example.org; spf=pass",
        f"From: {encoded(sender, charset)} <sender{number % 400}@example.org>",
        f"To: {reader} <reader@example.com>, team{number % 20}@example.com",
        *([f'Cc: "Finch, Clara" <clara@example.com>, team{number % 7}@example.net'] if number % 4 == 0 else []),
        f"Subject: {encoded(subject, charset)}",
        f"Date: {stamp}",
        f"Message-ID: {message_id(number)}",
        *_thread_fields(number),
        "X-Mailer: Synthetic Mail 1.0",
        f"X-Spam-Score: {rng.random():.2f}",
        "List-Unsubscribe: <https://list.example.org/leave>",
        "MIME-Version: 1.0",
    ]
    return "".join(line + "\r\n" for line in lines) + content_fields


def _thread_fields(number: int) -> list[str]:
    place = number % THREAD_LENGTH
    if not place:
        return []
    earlier = [message_id(before) for before in range(number - place, number)]
    return [f"In-Reply-To: {earlier[-1]}", "References: " + "\r\n ".join(earlier)]


def message_id(number: int) -> str:
    """Return the Message-ID of a mail, with brackets."""
    return f"<mail-{number}@example.org>"


def boundary(number: int, name: str) -> str:
    """Return a boundary that no body holds."""
    return f"=_{name}_{number}_{(number * 2654435761) % 2**32:08x}"


def encoded(text: str, charset: str) -> str:
    """Return header text as RFC 2047 wants it."""
    if text.isascii():
        return text
    words = [text[i : i + 10] for i in range(0, len(text), 10)]
    return "\r\n ".join(f"=?{charset}?B?{base64.b64encode(word.encode(charset)).decode()}?=" for word in words)


def prose(rng: random.Random, language: Language, size_chars: int) -> str:
    """Return paragraphs of about `size_chars`: sentences of the language, for English filled up with words."""
    paragraphs: list[str] = []
    written = 0
    while written < size_chars:
        sentences = [rng.choice(language.sentences)]
        if language.name == "English":
            sentences += [" ".join(rng.choices(WORDS, k=rng.randint(5, 14))).capitalize() + "." for _ in range(5)]
        else:
            sentences += rng.choices(language.sentences, k=4)
        paragraphs.append(" ".join(sentences))
        written += len(paragraphs[-1])
    return "\r\n\r\n".join(paragraphs) + "\r\n"


def html_of(text: str) -> str:
    """Return an HTML page that says the same, as mail programs write it."""
    blocks = "".join(
        f'<p class="MsoNormal" style="margin:0 0 12px 0;font-family:Arial"><span lang="x">{part.strip()}</span></p>\r\n'
        for part in text.replace("&", "&amp;").split("\r\n\r\n")
    )
    head = "<head><title>Mail</title><style>p{margin:0} .MsoNormal{color:#222}</style></head>"
    return f"<html>{head}<body><table><tr><td>{blocks}</td></tr></table></body></html>\r\n"


def text_part(text: str, subtype: str, charset: str, encoding: str) -> Piece:
    """Return a text part."""
    data = text.encode(charset)
    if encoding == "8bit" and charset.startswith("utf-16"):
        encoding = "base64"
    fields = f'Content-Type: text/{subtype}; charset="{charset}"\r\nContent-Transfer-Encoding: {encoding}\r\n'
    return Piece(fields, transfer_encoded(data, encoding))


def transfer_encoded(data: bytes, encoding: str) -> bytes:
    """Return `data` encoded for transfer, with CRLF."""
    if encoding == "base64":
        return base64.encodebytes(data).replace(b"\n", b"\r\n")
    if encoding == "quoted-printable":
        lines = data.replace(b"\r\n", b"\n")
        return binascii.b2a_qp(lines, istext=True).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return data


def attachment(data: bytes, filename: str, content_type: str, *, inline_id: str = "") -> Piece:
    """Return an attachment in base64; with `inline_id`, one that HTML shows."""
    disposition = "inline" if inline_id else "attachment"
    shown = (
        f'; filename="{filename}"'
        if filename.isascii()
        else f"; filename*=utf-8''{urllib.parse.quote(filename, safe='')}"
    )
    fields = (
        f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: {disposition}{shown}\r\n" + (f"Content-ID: <{inline_id}>\r\n" if inline_id else "")
    )
    return Piece(fields, transfer_encoded(data, "base64"))


def multipart(subtype: str, pieces: list[Piece], mark: str) -> Piece:
    """Return a multipart of `pieces`."""
    line = b"--" + mark.encode()
    body = b"".join(line + b"\r\n" + piece.encode() + b"\r\n" for piece in pieces) + line + b"--\r\n"
    return Piece(f'Content-Type: multipart/{subtype};\r\n boundary="{mark}"\r\n', body)


def alternative(text: str, charset: str, mark: str) -> Piece:
    """Return text and the same as HTML."""
    plain = text_part(text, "plain", charset, "quoted-printable")
    return multipart("alternative", [plain, text_part(html_of(text), "html", charset, "quoted-printable")], mark)


def blob(rng: random.Random, size_bytes: int) -> bytes:
    """Return bytes that nothing compresses, as a photo's."""
    return rng.randbytes(size_bytes)


def main() -> None:
    """Write mails as files."""
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    options.add_argument("count", type=int)
    options.add_argument("folder", type=Path)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--size", type=int, default=15_000, help="mean size in bytes")
    chosen = options.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    for number in range(chosen.count):
        (chosen.folder / f"{number}.eml").write_bytes(mail(number, seed=chosen.seed, size_bytes=chosen.size))


if __name__ == "__main__":
    main()
