"""What any source must do. A subclass provides `source`, with at least two batches of mail and nothing changing, and
`slicing_source`, whose limits are such that its mails come in slices.
"""

from dataclasses import replace
from typing import Protocol

from src.model.cursor import Cursor
from src.model.envelope import Envelope, Kind, Place
from src.sources.registry import SOURCES
from src.sources.source import Census, Refetch, Source
from src.store.protocol import KnownMail

MAX_STEPS = 1000
MAX_SLICE_BYTES = 1024 * 1024


class SourceWithCensus(Source, Census, Protocol):
    """Both roles of a source."""


class SourceContract:
    """Inherit, and add fixtures `source` and `slicing_source`."""

    def test_it_comes_to_an_end_and_brings_each_mail_once(self, source: SourceWithCensus) -> None:
        found, _ = read_to_end(source, Cursor())
        ids = [envelope.source_id for envelope in found]
        assert len(ids) > 1
        assert len(set(ids)) == len(ids)
        assert all(envelope.kind is Kind.ADDED and envelope.raw for envelope in found)

    def test_caught_up_means_that_nothing_more_comes(self, source: SourceWithCensus) -> None:
        _, cursor = read_to_end(source, Cursor())
        assert read_to_end(source, cursor)[0] == [] or source.kind == "maildir"  # which asks the database what is new

    def test_the_same_cursor_gives_the_same_mails(self, source: SourceWithCensus) -> None:
        first = source.fetch(Cursor())
        second = source.fetch(first.cursor)
        again = source.fetch(first.cursor)
        assert [it.source_id for it in again.envelopes] == [it.source_id for it in second.envelopes]
        assert again.cursor == second.cursor

    def test_fetch_after_close_goes_on(self, source: SourceWithCensus) -> None:
        first = source.fetch(Cursor())
        source.close()
        source.close()
        rest, _ = read_to_end(source, first.cursor)
        ids = [envelope.source_id for envelope in [*first.envelopes, *rest]]
        assert set(ids) == {item.source_id for item in source.census()}

    def test_the_census_lists_what_fetch_brings(self, source: SourceWithCensus) -> None:
        found, _ = read_to_end(source, Cursor())
        listed = {item.source_id: item for item in source.census()}
        assert set(listed) == {envelope.source_id for envelope in found}
        assert all(listed[envelope.source_id].place == envelope.place for envelope in found)

    def test_envelopes_tell_whose_they_are_in_aware_times(self, source: SourceWithCensus) -> None:
        for envelope in source.fetch(Cursor()).envelopes:
            assert (envelope.account, envelope.source) == (source.account, source.kind)
            assert envelope.place.mailbox == source.mailbox
            assert envelope.fetched_at.tzinfo is not None
            assert envelope.received_at is None or envelope.received_at.tzinfo is not None

    def test_slices_may_be_walked_again_and_broken_off(self, slicing_source: SourceWithCensus) -> None:
        (envelope, *_) = slicing_source.fetch(Cursor()).envelopes
        raw = envelope.raw
        assert not isinstance(raw, bytes)
        whole = b"".join(raw)
        next(iter(raw))  # a publish that broke off
        pieces = list(raw)
        assert whole
        assert b"".join(pieces) == whole
        assert max(map(len, pieces)) <= MAX_SLICE_BYTES

    def test_single_mails_are_brought_once_more_as_they_are_known(self, source: SourceWithCensus) -> None:
        found, _ = read_to_end(source, Cursor())
        wanted = {envelope.source_id: whole(envelope) for envelope in found[1::2]}
        gone = [
            replace(known(found[0]), source_id=f"{source.mailbox}/no-such", place=Place(source.mailbox, 7, 999_999))
        ]
        assert isinstance(source, Refetch)
        brought = {
            envelope.source_id: whole(envelope)
            for some in source.refetch([*map(known, found[1::2]), *gone])
            for envelope in some
            if envelope.kind is Kind.ADDED
        }
        assert brought == wanted
        assert [envelope for some in source.refetch(gone) for envelope in some] == []

    def test_a_big_mail_is_brought_once_more_in_slices(self, slicing_source: SourceWithCensus) -> None:
        (first, *_) = slicing_source.fetch(Cursor()).envelopes
        raw = whole(first)
        assert isinstance(slicing_source, Refetch)
        ((again,),) = (some for some in slicing_source.refetch([known(first)]) if some)
        assert not isinstance(again.raw, bytes)
        assert whole(again) == raw

    def test_it_is_in_the_registry(self, source: SourceWithCensus) -> None:
        assert source.kind in SOURCES


def whole(envelope: Envelope) -> bytes:
    """Return a mail's bytes."""
    return envelope.raw if isinstance(envelope.raw, bytes) else b"".join(envelope.raw)


def known(envelope: Envelope) -> KnownMail:
    """Return the mail as the database knows it."""
    return KnownMail(envelope.source_id, envelope.place, envelope.labels or (), False, True, "", 1, None, "", 5)


def read_to_end(source: Source, cursor: Cursor) -> tuple[list[Envelope], Cursor]:
    """Fetch until caught up."""
    found: list[Envelope] = []
    for _ in range(MAX_STEPS):
        batch = source.fetch(cursor)
        found += batch.envelopes
        cursor = batch.cursor
        if batch.caught_up:
            return found, cursor
    raise AssertionError("the source never says that it is caught up")
