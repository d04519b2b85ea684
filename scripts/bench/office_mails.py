"""Synthetic mails as an office gets them: prose, HTML beside it, now and then an attachment. The same for a seed.

Words follow a Zipf distribution over 40,000 made-up ones, so that a full-text index has the work of a real language.
"""

import base64
import random
from collections.abc import Iterator

WORDS = 40_000
PARAGRAPHS = 6_000  # made once, then drawn: making each mail's words one by one would take longer than storing them
SYLLABLES = ("ba", "de", "fi", "go", "ku", "la", "me", "ni", "or", "pa", "qui", "ra", "se", "ti", "un", "wo", "za")


class OfficeMails:
    """Makes mails of about `mean_bytes`: 36 KB with attachments as in an office, 15 KB without big ones."""

    def __init__(self, seed: int, mean_bytes: int = 36_000) -> None:
        self._rng = random.Random(seed)
        self._mean_bytes = mean_bytes
        words = [self._word() for _ in range(WORDS)]
        weights = [1.0 / (rank + 2) for rank in range(WORDS)]
        drawn = self._rng.choices(words, weights, k=PARAGRAPHS * 45)
        self._paragraphs = [" ".join(drawn[at * 45 : (at + 1) * 45]).capitalize() + "." for at in range(PARAGRAPHS)]
        self._blob = self._rng.randbytes(1 << 20)

    def take(self, number: int) -> Iterator[bytes]:
        """Yield that many mails."""
        for index in range(number):
            yield self._mail(index)

    def _mail(self, index: int) -> bytes:
        rng = self._rng
        paragraphs = rng.choices(self._paragraphs, k=rng.randint(2, 14))
        text = "\r\n\r\n".join(paragraphs)
        subject = paragraphs[0][: rng.randint(20, 60)]
        head = (
            f"Return-Path: <sender{index % 400}@example.org>\r\n"
            f"Received: from mx{index % 9}.example.net by mail.example.org with ESMTPS id {index:08x};\r\n"
            f"\tMon, 4 May 2026 12:00:{index % 60:02d} +0000\r\n"
            f"Date: Mon, 4 May 2026 12:{index % 60:02d}:00 +0200\r\n"
            f"From: Sender {index % 400} <sender{index % 400}@example.org>\r\n"
            f"To: Reader <reader@example.org>, team{index % 20}@example.com\r\n"
            f"Subject: {subject}\r\n"
            f"Message-ID: <{index}.{rng.getrandbits(48):x}@example.org>\r\n"
            f"{f'References: <{rng.randrange(index + 1)}@example.org>{chr(13)}{chr(10)}' if index % 3 else ''}"
            "MIME-Version: 1.0\r\n"
        )
        body = self._alternative(text) if index % 2 else self._plain(text)
        room = int(rng.expovariate(1.0 / max(self._mean_bytes - 9_000, 1)) * 2.35) if index % 2 else 0
        if room > 4_000:
            body = self._with_attachment(body, room, index)
        return head.encode() + body

    def _plain(self, text: str) -> bytes:
        return f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n".encode()

    def _alternative(self, text: str) -> bytes:
        html = "".join(f"<p style='margin:0'>{part}</p>\r\n" for part in text.split("\r\n\r\n"))
        return (
            'Content-Type: multipart/alternative; boundary="alt"\r\n\r\n'
            f"--alt\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
            f"--alt\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body>{html}</body></html>\r\n--alt--\r\n"
        ).encode()

    def _with_attachment(self, body: bytes, size: int, index: int) -> bytes:
        start = self._rng.randrange(len(self._blob) - 1000)
        data = (self._blob[start:] + self._blob)[: size * 3 // 4]
        return (
            b'Content-Type: multipart/mixed; boundary="mix"\r\n\r\n--mix\r\n'
            + body
            + f'\r\n--mix\r\nContent-Type: application/octet-stream; name="file{index}.bin"\r\n'.encode()
            + b"Content-Transfer-Encoding: base64\r\n"
            + f'Content-Disposition: attachment; filename="file{index}.bin"\r\n\r\n'.encode()
            + base64.encodebytes(data).replace(b"\n", b"\r\n")
            + b"--mix--\r\n"
        )

    def _word(self) -> str:
        return "".join(self._rng.choices(SYLLABLES, k=self._rng.randint(1, 4)))
