"""Records for the benchmark of the store: words spread as in language (Zipf), sizes as in a mailbox of 36 KB mails."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from src.model.envelope import Kind, Place
from src.model.extraction import Attachment, Extracted, Extraction
from src.model.message import Address, Message, Record

ACCOUNT = "ada@example.org"
VOCABULARY = 60_000  # different words
_BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
_LETTERS = "etaoinshrdlucmfwypvbgk"


class RecordMaker:
    """Makes the same records for the same seed."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self.words = ["".join(self._random.choices(_LETTERS, k=self._random.randint(2, 11))) for _ in range(VOCABULARY)]
        self._weights = list(accumulate(1 / (rank + 2.7) for rank in range(VOCABULARY)))

    def records(self, first: int, count: int) -> Iterator[Record]:
        """Yield mails `first` to `first + count - 1`, each newer than the one before."""
        for number in range(first, first + count):
            yield self._record(number)

    def _text(self, words: int) -> str:
        return " ".join(self._random.choices(self.words, cum_weights=self._weights, k=words))

    def _record(self, number: int) -> Record:
        received_at = _BEGIN + timedelta(minutes=number)
        return Record(
            account=ACCOUNT,
            source="imap",
            source_id=f"INBOX/1/{number}",
            kind=Kind.ADDED,
            place=Place("INBOX", 1, number),
            version=number + 1,
            labels=("\\Seen",),
            received_at=received_at,
            fetched_at=received_at,
            size_bytes=36_000,
            gmail=None,
            message=self._message(number, received_at),
            sha256=f"{number:064x}",
            thread_id=f"m{number}@example.org",
        )

    def _message(self, number: int, date: datetime) -> Message:
        sender = Address(self._text(2), f"{self._text(1)}@example.org")
        body = self._text(self._random.choice((40, 80, 150, 250, 400, 800)))
        return Message(
            message_id=f"m{number}@example.org",
            in_reply_to="",
            references=(),
            subject=self._text(6),
            sender=sender,
            to=(Address("Ada", ACCOUNT),),
            cc=(),
            bcc=(),
            date=date,
            # Many mails hold a few characters beyond ASCII.
            body_text=body.replace(" e", " é") if number % 3 == 0 else body,
            body_html_preview="<p>" + body[:490],
            headers={name: self._text(6) for name in ("from", "to", "received", "user-agent", "list-id", "dkim")},
            attachments=tuple(self._attachments()),
            defects=(),
        )

    def _attachments(self) -> Iterator[Attachment]:
        if self._random.random() >= 0.25:
            return
        text = self._text(400) if self._random.random() < 0.5 else ""
        outcome = Extraction(Extracted.TEXT, text) if text else Extraction(Extracted.SKIPPED, reason="unsupported_type")
        yield Attachment(0, "annex.txt", "text/plain", "", 90_000, "0" * 64, False, outcome)
