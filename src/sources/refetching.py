"""Refetching: stored mails brought once more, as a source of its own, so that all that publishes mail serves it too.

Everything said of a mail but its content stays as the database knows it: the version is the known one, so that no
label, place or deletion that comes meanwhile is overruled by a mail fetched before it.
"""

import uuid
from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from typing import Protocol

from src.model.cursor import Batch, Cursor
from src.model.envelope import Envelope
from src.sources.source import Refetch, Source
from src.store.protocol import KnownMail

MAILBOX_SUFFIX = "#again"  # of the lease: the producer that reads the mailbox keeps its own
STEP = "step"  # in the cursor: which run of this program, and the number of the step, as `3f2a91c0:12`


class RefetchSource(Source, Refetch, Protocol):
    """One mailbox that can bring single mails once more."""


class Refetching:
    """Plays Source: its mailbox holds the `mails` of another one, each once, in numbered steps.

    The cursor names the last step that was published, as any source's does: the next step is asked for while the one
    before is still being published, so asking says nothing of what arrived. It is cleared with the last step.
    """

    def __init__(self, source: RefetchSource, mails: Sequence[KnownMail]) -> None:
        self.account = source.account
        self.mailbox = source.mailbox + MAILBOX_SUFFIX
        self.kind = source.kind
        self._source = source
        self._mails = {mail.source_id: mail for mail in mails}
        self._run = uuid.uuid4().hex[:8]  # a cursor that another run left, when it was killed, is not ours
        self._steps: Iterator[tuple[Envelope, ...]] | None = None
        self._step = 0  # that was given last
        self._given: dict[str, int] = {}  # source id to the step that brought it
        self._is_over = False

    @property
    def missing(self) -> Set[str]:
        """The source ids of the mails that the source no longer has, or could not give; none until all was read."""
        return self._mails.keys() - self._given.keys() if self._is_over else frozenset()

    def fetch(self, cursor: Cursor) -> Batch:
        """As in Source."""
        published = self._step_of(cursor)
        if self._steps is None or published != self._step:
            self._steps = self._begun_after(published)
        try:
            found = next(self._steps, None) if self._not_given else None
        except BaseException:
            self._steps = None  # the next fetch begins anew, with what is left
            raise
        self._is_over = found is None
        if found is None:
            return Batch(_without_step(cursor), caught_up=True, remaining=0)
        self._step += 1
        envelopes = tuple(self._as_known(envelope) for envelope in found if self._is_wanted(envelope))
        self._given |= dict.fromkeys((envelope.source_id for envelope in envelopes), self._step)
        return Batch(cursor.moved(**{STEP: f"{self._run}:{self._step}"}), envelopes, remaining=self._not_given)

    def close(self) -> None:
        """As in Source."""
        self._steps = None
        self._source.close()

    @property
    def _not_given(self) -> int:
        return len(self._mails) - len(self._given)

    def _step_of(self, cursor: Cursor) -> int:
        run, _, step = cursor.values.get(STEP, "").partition(":")
        return int(step) if run == self._run and step.isdecimal() else 0

    def _begun_after(self, step: int) -> Iterator[tuple[Envelope, ...]]:
        """Ask the source anew for all that was not given up to this step."""
        self._given = {source_id: brought for source_id, brought in self._given.items() if brought <= step}
        self._step = step
        return self._source.refetch([mail for mail in self._mails.values() if mail.source_id not in self._given])

    def _is_wanted(self, envelope: Envelope) -> bool:
        return envelope.source_id in self._mails and envelope.source_id not in self._given

    def _as_known(self, envelope: Envelope) -> Envelope:
        known = self._mails[envelope.source_id]
        return replace(envelope, place=known.place, version=known.version, labels=None, force=True)


def _without_step(cursor: Cursor) -> Cursor:
    return Cursor({name: value for name, value in cursor.values.items() if name != STEP})
