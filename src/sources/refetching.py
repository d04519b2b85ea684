"""Refetching: stored mails brought once more, as a source of its own, so that all that publishes mail serves it too.

Everything said of a mail but its content stays as the database knows it: the version is the known one, so that no
label, place or deletion that comes meanwhile is overruled by a mail fetched before it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from src.model.cursor import Batch, Cursor
from src.model.envelope import Envelope
from src.sources.source import Refetch, Source
from src.store.protocol import KnownMail

MAILBOX_SUFFIX = "#again"  # of the lease: the producer that reads the mailbox keeps its own


class RefetchSource(Source, Refetch, Protocol):
    """One mailbox that can bring single mails once more."""


class Refetching:
    """Plays Source: its mailbox holds the `mails` of another one, each once. `missing` are those that did not come."""

    def __init__(self, source: RefetchSource, mails: Sequence[KnownMail]) -> None:
        self.account = source.account
        self.mailbox = source.mailbox + MAILBOX_SUFFIX
        self.kind = source.kind
        self._source = source
        self._left = {mail.source_id: mail for mail in mails}
        self._steps: Iterator[tuple[Envelope, ...]] | None = None
        self._given: tuple[str, ...] = ()  # by the last fetch; published once the next one is asked for

    @property
    def missing(self) -> int:
        """How many mails did not come, once all was read."""
        return len(self._left.keys() - set(self._given))

    def fetch(self, cursor: Cursor) -> Batch:
        """As in Source; the cursor says nothing here and never moves."""
        for source_id in self._given:
            self._left.pop(source_id, None)
        self._given = ()
        if self._steps is None:
            self._steps = self._source.refetch(list(self._left.values()))
        try:
            found = next(self._steps, None)
        except BaseException:
            self._steps = None  # the next fetch begins anew, with what is left
            raise
        envelopes = [self._as_known(envelope) for envelope in found or () if envelope.source_id in self._left]
        self._given = tuple(envelope.source_id for envelope in envelopes)
        left = 0 if found is None else len(self._left) - len(envelopes)
        return Batch(cursor, tuple(envelopes), caught_up=found is None, remaining=left)

    def close(self) -> None:
        """As in Source."""
        self._steps = None
        self._source.close()

    def _as_known(self, envelope: Envelope) -> Envelope:
        known = self._left[envelope.source_id]
        return replace(envelope, place=known.place, version=known.version, labels=None, force=True)
