"""Mails brought once more: each once, however often the source breaks off, and nothing else is said of them."""

from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from src.common.errors import SourceUnavailableError
from src.model.cursor import Batch, Cursor
from src.model.envelope import Envelope, Kind, Place
from src.sources.refetching import Refetching
from src.store.protocol import KnownMail
from tests.contracts.mail_records import LONG_AGO

ACCOUNT, MAILBOX = "ada@example.org", "INBOX"


def known(number: int) -> KnownMail:
    return KnownMail(f"id{number}", Place(MAILBOX, 1, number), ("x",), False, True, "", 1, None, "", 100 + number)


class BreakingSource:
    """Plays RefetchSource: breaks off after each of `breaks` steps, then goes on to the end."""

    account, mailbox, kind = ACCOUNT, MAILBOX, "imap"

    def __init__(self, gone: set[str], breaks: list[int], at_once: int) -> None:
        self.gone, self.breaks, self.at_once = gone, breaks, at_once

    def fetch(self, cursor: Cursor) -> Batch:
        raise AssertionError("a refetch reads nothing else")

    def refetch(self, mails: Sequence[KnownMail]) -> Iterator[tuple[Envelope, ...]]:
        steps_left = self.breaks.pop() if self.breaks else None
        there = [mail for mail in mails if mail.source_id not in self.gone]
        for start in range(0, len(there), self.at_once):
            if steps_left == 0:
                raise SourceUnavailableError("the connection broke")
            steps_left = steps_left - 1 if steps_left is not None else None
            yield tuple(self._brought(mail) for mail in there[start : start + self.at_once])

    def _brought(self, mail: KnownMail) -> Envelope:
        place = Place(MAILBOX, 9, 9)
        return Envelope(
            ACCOUNT, "imap", mail.source_id, Kind.ADDED, place, LONG_AGO, labels=("fetched",), raw=b"raw", size_bytes=3
        )

    def close(self) -> None:
        """Nothing is open."""


@given(
    count=st.integers(0, 20),
    gone=st.sets(st.integers(0, 19)),
    breaks=st.lists(st.integers(0, 4), max_size=4),
    at_once=st.integers(1, 5),
)
def test_each_mail_comes_once_whatever_breaks_off(count: int, gone: set[int], breaks: list[int], at_once: int) -> None:
    source = BreakingSource({f"id{number}" for number in gone}, list(breaks), at_once)
    again = Refetching(source, [known(number) for number in range(count)])
    cursor = kept = Cursor({"kept": "as it is"})
    published: list[Envelope] = []
    while True:
        try:
            batch = again.fetch(cursor)
        except SourceUnavailableError:
            continue
        cursor = batch.cursor
        published += batch.envelopes
        if batch.caught_up:
            break

    there = [known(number) for number in range(count) if number not in gone]
    assert [it.source_id for it in published] == [mail.source_id for mail in there]
    assert again.missing == {f"id{number}" for number in range(count) if number in gone}
    assert [(it.version, it.place, it.labels, it.force) for it in published] == [
        (mail.version, mail.place, None, True) for mail in there
    ]
    assert again.mailbox != MAILBOX
    assert cursor == kept
